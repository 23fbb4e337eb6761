"""Tests for `openusage.host.sealed`."""

from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.sealed import seal, unseal

# Made with the cipher itself, not with what is tested: bytes 100 to 131 are the key, those from 0
# on the IV.
KEY = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM="
TEXT = '{"access_token": "vector-ü"}'
ENVELOPE = (
    "AAECAwQFBgcICQoLDA0ODw==:e/1pCFK39kkYSghsWecjPg==:FFLaJpNHfABWOlJTABvEFI2PzY6J9bsTTHXHn2U="
)
SHORT_IV = "AAECAwQFBgcICQoL:+5URrzIz/41+B+rIiv/0ig==:5IlZL94osprCZ/Gj8/SqiMk1S/VOd79X6tFVKS4="


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def without_one(envelope: str) -> list[str]:
    """`envelope` with one of its parts taken away."""
    parts = envelope.split(":")
    return [":".join(parts[:at] + parts[at + 1 :]) for at in range(len(parts))]


class UnsealTests(SynchronousTestCase):
    """`unseal`."""

    def test_vector(self) -> None:
        """A known envelope holds a known text, with white space around it and around the key."""
        self.assertEqual(unseal(ENVELOPE, KEY), TEXT)
        self.assertEqual(unseal(f" {ENVELOPE}\n", f"\t{KEY}\r\n"), TEXT)

    def test_usual_iv(self) -> None:
        """An IV of 12 bytes, as most programs use, will do as well."""
        self.assertEqual(unseal(SHORT_IV, KEY), TEXT)

    def test_wrong_key(self) -> None:
        """With another key, or with what is no key, there is no text."""
        for key in (
            base64_of(bytes(32)),
            base64_of(bytes(16)),
            base64_of(bytes(33)),
            "",
            "no key",
            KEY[:-1],
            KEY[:-4],
            f"{KEY[:8]} {KEY[8:]}",
            "schlüssel",
        ):
            with self.subTest(key=key):
                self.assertIsNone(unseal(ENVELOPE, key))

    def test_damaged(self) -> None:
        """What was changed since it was sealed holds no text."""
        iv, tag, ciphertext = ENVELOPE.split(":")
        other = "x" if ciphertext[0] != "x" else "y"
        for envelope in (
            f"{iv}:{tag}:{other}{ciphertext[1:]}",
            f"{iv}:{base64_of(bytes(16))}:{ciphertext}",
            f"{base64_of(bytes(16))}:{tag}:{ciphertext}",
            f"{tag}:{iv}:{ciphertext}",
            f"{iv}:{tag}:",
        ):
            with self.subTest(envelope=envelope):
                self.assertIsNone(unseal(envelope, KEY))

    def test_shifted(self) -> None:
        """A tag that is cut in another place is none, though the bytes in all be the same."""
        iv, tag, ciphertext = (base64.b64decode(part) for part in ENVELOPE.split(":"))
        parts = (iv, tag[4:], ciphertext + tag[:4])
        self.assertIsNone(unseal(":".join(map(base64_of, parts)), KEY))

    def test_another_form(self) -> None:
        """What is no envelope holds no text, and is no error."""
        iv, tag, ciphertext = ENVELOPE.split(":")
        for envelope in (
            "",
            "::",
            ":",
            "bad:envelope",
            '{"access_token": "plain"}',
            *without_one(ENVELOPE),
            f"{ENVELOPE}:",
            f"{ENVELOPE}:{iv}",
            f"{iv}:{tag}:no base64",
            f"{iv}:{tag[:-4]}:{ciphertext}",
            f"{iv}:{base64_of(bytes(12))}:{ciphertext}",
            f":{tag}:{ciphertext}",
            f"AAEC:{tag}:{ciphertext}",
            f"{base64_of(bytes(200))}:{tag}:{ciphertext}",
            "ключ:a:b",
        ):
            with self.subTest(envelope=envelope):
                self.assertIsNone(unseal(envelope, KEY))

    def test_no_text(self) -> None:
        """Bytes that are no UTF-8 are no text, however well they were sealed."""
        # 0xFF, sealed with the key and IV of the known envelope.
        envelope = "AAECAwQFBgcICQoLDA0ODw==:/N+tP6fYMeX+Y8oaqMzDpA==:kA=="
        self.assertIsNone(unseal(envelope, KEY))

    @settings(deadline=None, max_examples=100)
    @given(st.text(max_size=60), st.text(max_size=60))
    def test_anything(self, envelope: str, key: str) -> None:
        """No text whatever is an error."""
        self.assertIsNone(unseal(envelope, KEY))
        self.assertIsNone(unseal(ENVELOPE, key))


class SealTests(SynchronousTestCase):
    """`seal`."""

    @settings(deadline=None, max_examples=100)
    @given(st.text(), st.binary(min_size=32, max_size=32))
    def test_there_and_back(self, text: str, key: bytes) -> None:
        """What is sealed is opened with the same key."""
        self.assertEqual(unseal(seal(text, base64_of(key)), base64_of(key)), text)

    def test_form(self) -> None:
        """An envelope is one line: IV and tag of 16 bytes each, and as much as the text has."""
        envelope = seal(TEXT, f"{KEY}\n")
        sizes = [len(base64.b64decode(part, validate=True)) for part in envelope.split(":")]
        self.assertEqual(sizes, [16, 16, len(TEXT.encode())])
        self.assertNotIn("\n", envelope)

    def test_no_two_alike(self) -> None:
        """The same text is never sealed in the same way."""
        sealed = {part for _ in range(20) for part in seal(TEXT, KEY).split(":")}
        self.assertEqual(len(sealed), 60)

    def test_no_key(self) -> None:
        """What is no key seals nothing, and is not named by the error."""
        for key in ("", "no-key-PLANTED", base64_of(bytes(16)), KEY[:-4]):
            with self.assertRaises(ValueError) as caught:
                seal(TEXT, key)
            self.assertEqual(str(caught.exception), "not a key")
