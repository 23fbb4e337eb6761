"""Tests for `openusage.host.secrets`."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.secrets import (
    credential_json,
    go_keyring,
    jwt_expiry,
    jwt_payload,
    sendable,
)


class CredentialJsonTests(SynchronousTestCase):
    """`credential_json`."""

    def test_json(self) -> None:
        """A JSON object is taken as it is, with white space or a byte-order mark around it."""
        for text in ('{"a": 1}', ' {"a": 1}\n', '\ufeff{"a": 1}'):
            self.assertEqual(credential_json(text), {"a": 1})

    def test_hex(self) -> None:
        """The hex form of an object is decoded, with or without `0x`, in any case."""
        for letter in ("a", "\u00e4", "\u20ac", "\U0001f511"):
            digits = json.dumps({"token": letter}, ensure_ascii=False).encode().hex()
            for text in (digits, f"0x{digits}", f"0X{digits.upper()}", f" {digits}\n"):
                self.assertEqual(credential_json(text), {"token": letter})

    def test_lenient_hex(self) -> None:
        """A damaged character within the hex form costs that character only."""
        digits = b'{"token": "\xff"}'.hex()

        self.assertEqual(credential_json(digits), {"token": "\ufffd"})

    def test_neither(self) -> None:
        """Text that is neither has no credentials in it."""
        for text in (
            "",
            " ",
            "{bad",
            "null",
            '"text"',
            "[1]",
            "1234",
            "0x",
            "0x123",
            "c200ff",
            "e282",
            "c2",
            "e228a1",
            "f0808080",
            "f09f98",
            "7b 7d",
            b"[1]".hex(),
            "[" * 100_000,
            "9" * 10_000,
        ):
            self.assertIsNone(credential_json(text), text[:20])

    @given(st.one_of(st.text(), st.binary().map(bytes.hex)))
    @settings(deadline=None, max_examples=200)
    def test_any_text(self, text: str) -> None:
        """No text raises."""
        self.assertIsInstance(credential_json(text), (dict, type(None)))


class JwtPayloadTests(SynchronousTestCase):
    """`jwt_payload`."""

    def part(self, value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()

    def test_parts(self) -> None:
        """Two parts are enough, and padding makes no difference."""
        part = self.part({"exp": 1})

        for token in (
            f"h.{part}.s",
            f"h.{part}",
            f"h.{part.rstrip('=')}.s",
            f" h.{part}\n",
            f".{part}.",
        ):
            self.assertEqual(jwt_payload(token), {"exp": 1})

    def test_alphabet(self) -> None:
        """Claims whose base64 needs the URL-safe letters are read, in UTF-8."""
        claims = {"name": "\u00ff\u00fe???>>>"}
        data = json.dumps(claims, ensure_ascii=False).encode()

        for encode in (base64.urlsafe_b64encode, base64.b64encode):
            self.assertEqual(jwt_payload(f"h.{encode(data).decode()}.s"), claims)

    def test_no_payload(self) -> None:
        """What cannot be decoded to an object has no claims."""
        for token in (
            "",
            "abc",
            "a.b.c",
            "h..s",
            "h.!!!.s",
            f"h.{self.part([1])}.s",
            f"h.{self.part('text')}.s",
            f"h.{base64.b64encode(b'not json').decode()}.s",
            "h.abcde.s",
        ):
            self.assertIsNone(jwt_payload(token), token)

    @given(st.text(), st.binary())
    @settings(deadline=None, max_examples=200)
    def test_any_text(self, text: str, data: bytes) -> None:
        """No token raises."""
        for token in (text, f"h.{text}", f"h.{base64.b64encode(data).decode()}.s"):
            self.assertIsInstance(jwt_payload(token), (dict, type(None)))


class GoKeyringTests(SynchronousTestCase):
    """`go_keyring`."""

    def test_wrapped(self) -> None:
        """The base64 form is unwrapped and trimmed."""
        wrapped = base64.b64encode(b" gho_1\n").decode()

        self.assertEqual(go_keyring(f" go-keyring-base64:{wrapped}\n"), "gho_1")

    def test_plain(self) -> None:
        """A secret without the prefix is only trimmed."""
        self.assertEqual(go_keyring(" gho_1\n"), "gho_1")
        self.assertEqual(go_keyring("Z2hvXzE="), "Z2hvXzE=")

    def test_no_value(self) -> None:
        """Blank, damaged base64 and bytes that are no text are no value."""
        for text in (
            "",
            "  ",
            "go-keyring-base64:",
            "go-keyring-base64:ICA=",
            "go-keyring-base64:Z2hvXzE",
            "go-keyring-base64:Z2hv*XzE=",
            "go-keyring-base64:/w==",
            "go-keyring-base64:\u00e4\u00e4",
        ):
            self.assertIsNone(go_keyring(text), text)

    @given(st.text())
    @settings(deadline=None, max_examples=200)
    def test_any_text(self, text: str) -> None:
        """No text raises."""
        for value in (text, f"go-keyring-base64:{text}"):
            self.assertIsInstance(go_keyring(value), (str, type(None)))


class SendableTests(SynchronousTestCase):
    """`sendable`."""

    def test_characters(self) -> None:
        """A token can be sent if it is of visible ASCII characters."""
        self.assertTrue(sendable("sk-ant_Az09.~+/="))
        for token in ("a b", "a\n", "a\x7f", "ä", "€", "a\ud800"):
            self.assertFalse(sendable(token), ascii(token))


class JwtExpiryTests(SynchronousTestCase):
    """`jwt_expiry`."""

    def token(self, claims: object) -> str:
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        return f"header.{payload}.signature"

    def test_expiry(self) -> None:
        """The claim `exp` is Unix time in seconds."""
        expiry = jwt_expiry(self.token({"exp": 1770000000}))
        self.assertEqual(expiry, datetime(2026, 2, 2, 2, 40, tzinfo=timezone.utc))

    def test_unknown(self) -> None:
        """A token without a sensible claim, and what is no token, do not say."""
        claims: object
        for claims in ({}, {"exp": "soon"}, {"exp": True}, {"exp": 1e300}, {"exp": None}, []):
            self.assertIsNone(jwt_expiry(self.token(claims)), claims)
        for token in (None, "", "opaque", "a.b.c"):
            self.assertIsNone(jwt_expiry(token), token)
