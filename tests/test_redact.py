"""Tests for `openusage.redact`."""

from __future__ import annotations

import base64
import json
import string

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

import openusage.redact as redaction
from openusage.redact import SECRET_KEYS, mask, redact, redact_url

TOKEN_TEXT = string.ascii_letters + string.digits + "_-"


def token(least: int, most: int = 40) -> st.SearchStrategy[str]:
    return st.text(TOKEN_TEXT, min_size=least, max_size=most)


JWTS = st.tuples(token(6), token(4), token(4)).map(lambda parts: "eyJ" + ".".join(parts))
API_KEYS = st.tuples(st.sampled_from(["sk-", "pk-", "api_", "key_", "secret_"]), token(12)).map(
    "".join
)
DEVIN = token(12).map(lambda rest: f"devin-session-token${rest}")
PATHS = st.tuples(
    st.sampled_from(["Users", "home", "opt", "private", "var", "tmp", "Applications"]), token(3)
).map(lambda parts: f"/{parts[0]}/{parts[1]}/.x/auth.json")
WINDOWS_PATHS = token(3).map(lambda user: f"C:\\Users\\{user}\\AppData\\auth.json")
ADDRESSES = st.tuples(
    st.text(string.ascii_lowercase + string.digits + ".+_-", min_size=1, max_size=20),
    st.text(string.ascii_lowercase, min_size=1, max_size=10),
).map(lambda parts: f"{parts[0]}@{parts[1]}.com")
PLANTS = st.one_of(JWTS, API_KEYS, DEVIN, PATHS, WINDOWS_PATHS, ADDRESSES)

# Each turns a secret of at least 13 characters into a text that tells what it is.
CONTEXTS = [
    lambda secret: f"account={secret}",
    lambda secret: f"https://a.example/b?access_token={secret}&c=d",
    lambda secret: f"https://a.example/b?c=d&My_User={secret}",
    lambda secret: f"https://a.example/cb#id_token={secret}",
    lambda secret: f"socks5://user:{secret}@proxy.example:1080",
    lambda secret: f"Authorization: Bearer {secret}",
    lambda secret: f"authorization: bearer {secret}",
    lambda secret: "Basic " + base64.b64encode(f"user:{secret}".encode()).decode(),
    lambda secret: json.dumps({"refresh_token": secret}),
    lambda secret: json.dumps({"accountDisplayName": f'a "quoted" {secret}'}),
    lambda secret: json.dumps(json.dumps({"access_token": secret})),
    lambda secret: f"{{'password': '{secret}'}}",
    lambda secret: f'{{"idToken": "{secret}',
]

HOSTILE = [
    *("eyJ", "eyJ.", "eyJa.b", "a.", ".", "a", "sk-", "key_", "a@", "a@b.", "a@1.", "@", "://"),
    *("?", "&", "?key", "&key=", "?key=", "#", '"name":"', '"name":\'', '"name" ', '"name":"\\'),
    *("\\", '\\"name\\":\\"', '\\\\"', "/home/", "C:\\Users\\ ", "C:\\", "Bearer ", "Basic a", " "),
    *("account=", "devin-session-token$", "[REDACTED]", "abcd...wxyz", "\n", "\ud800", "é"),
]


class MaskTests(SynchronousTestCase):
    """Tests for `mask`."""

    def test_short(self) -> None:
        """Nothing is left of up to 12 characters."""
        self.assertEqual(mask("abcdefghijkl"), "[REDACTED]")

    def test_long(self) -> None:
        """The ends of a longer value stay."""
        self.assertEqual(mask("abcdefghijklm"), "abcd...jklm")

    def test_empty(self) -> None:
        """Nothing is nothing to hide."""
        self.assertEqual(mask(""), "")

    @given(st.text())
    def test_twice(self, value: str) -> None:
        """Masking again changes nothing."""
        self.assertEqual(mask(mask(value)), mask(value))


class RedactTests(SynchronousTestCase):
    """Tests for `redact`."""

    def test_shapes(self) -> None:
        """Each kind of secret is masked and what is around it stays."""
        for text, expected in {
            "a sk-1234567890abcdef b": "a sk-1...cdef b",
            "account=rebers, next": "account=[REDACTED], next",
            "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl": "eyJh...dXJl",
            "devin-session-token$abcdefgh1234, x": "devi...1234, x",
            "cannot read /home/alice/.claude/x (gone)": "cannot read [PATH] (gone)",
            "file:///Users/alice/x": "file://[PATH]",
            r"C:\Users\First Last\AppData\x is gone": "[PATH] is gone",
            "http://alice:pa@ss@proxy:80/": "http://***@proxy:80/",
            "mail alice.b+c@mail.example.com.": "mail [EMAIL].",
            "Authorization: Bearer abc": "Authorization: Bearer [REDACTED]",
            "Basic dXNlcjpwYXNz": "Basic [REDACTED]",
            '{"token":"abcdef","n":1}': '{"token": "[REDACTED]","n":1}',
            '{"email": ""}': '{"email": ""}',
        }.items():
            self.assertEqual(redact(text), expected)

    def test_harmless(self) -> None:
        """Ordinary words, versions, relative paths and addresses stay readable."""
        for text in (
            "Basic plan, bearer token expired, 3 tokens",
            "ccusage@20.0.24 at localhost:6736",
            "~/.claude/.credentials.json: no key `accessToken`",
            "https://api.example.com/v1/usage?window=5h&limit=10",
            "2026-11-24T12:00:00.000Z 1.2.3",
            "claude: connection refused",
        ):
            self.assertEqual(redact(text), text)

    def test_keys(self) -> None:
        """The text of every telling JSON key is masked."""
        for key in SECRET_KEYS:
            self.assertEqual(redact(f'{{"{key}" : "v"}}'), f'{{"{key}": "[REDACTED]"}}')

    @settings(deadline=None, max_examples=200)
    @given(st.text(), PLANTS, st.text())
    def test_planted(self, before: str, secret: str, after: str) -> None:
        """No token, path or address survives, whatever stands around it."""
        assume(secret not in before + after)
        self.assertNotIn(secret, redact(f"{before} {secret} {after}"))
        self.assertNotIn(secret, redact(f'{before}"{secret}"{after}'))

    @settings(deadline=None, max_examples=200)
    @given(st.text(), st.sampled_from(CONTEXTS), token(20), st.text())
    def test_contexts(self, before: str, context: object, secret: str, after: str) -> None:
        """No value survives in a place that tells it is a secret."""
        assert callable(context)
        assume(secret not in before + after)
        self.assertNotIn(secret, redact(f"{before} {context(secret)} {after}"))

    @settings(deadline=None, max_examples=400)
    @given(
        st.one_of(
            st.text(),
            st.lists(st.one_of(st.sampled_from(HOSTILE), PLANTS, st.text(max_size=5))).map("".join),
        )
    )
    @example("Bearer account=a")
    @example("account=Bearer eyJaaaaa.b.cccccccccc")
    def test_any_text(self, text: str) -> None:
        """Any text is taken, and redacting it again changes nothing."""
        once = redact(text)

        self.assertEqual(redact(once), once)

    def test_hostile(self) -> None:
        """Text made to be looked at again and again is done with in linear time.

        A quadratic rule would take very long here, so that this test would not end.
        """
        for piece in HOSTILE:
            redact(piece * (2**18 // len(piece)))

    def test_unsettled(self) -> None:
        """Of a text that masking does not settle, nothing is shown."""
        self.patch(redaction, "_ROUNDS", 1)

        self.assertEqual(redact("account=bob@example.com@example.com"), "[REDACTED]")


class RedactUrlTests(SynchronousTestCase):
    """Tests for `redact_url`."""

    def test_parameters(self) -> None:
        """Telling parameters are masked by a part of their name, in any case and spelling."""
        url = "https://a.example/p?X-API-Key=secret&page=2&acc%65ss_token=s&USER=me"

        self.assertEqual(
            redact_url(url),
            "https://a.example/p?X-API-Key=[REDACTED]&page=2&acc%65ss_token=[REDACTED]"
            "&USER=[REDACTED]",
        )

    def test_organization(self) -> None:
        """The name of an organization is nobody's business."""
        self.assertEqual(
            redact_url("https://a.example/orgs/acme-corp/usage?per_page=1"),
            "https://a.example/orgs/[REDACTED]/usage?per_page=1",
        )
        self.assertEqual(
            redact_url("https://a.example/user/orgs?x=1"), "https://a.example/user/orgs?x=1"
        )

    def test_nested_query(self) -> None:
        """A parameter in the value of a harmless one is seen."""
        self.assertEqual(
            redact_url("https://a.example/?next=/x?token=abc"),
            "https://a.example/?next=/x?token=[REDACTED]",
        )

    def test_login(self) -> None:
        """User and password go, the host stays."""
        self.assertEqual(redact_url("socks5://u:p@h.example:1"), "socks5://***@h.example:1")
