"""Tests for `openusage.providers.asking`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Response
from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.asking import Words, ask, post, retry_after, said, send
from openusage.testing import NOW, FakeHttp, Request, fake_host

URL = "https://service.example/usage"
WORDS = Words("Refused.", "No way there.", "Got {status}.", "Not understood.", "Too often.")
TOKEN = "aoa-PLANTED-0123456789"


class AskingTestCase(SynchronousTestCase):
    """A host and a service."""

    def setUp(self) -> None:
        self.http = FakeHttp()
        self.host = fake_host(Path("/nonexistent"), http=self.http)

    def result(self, work: Awaitable[Any]) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))  # type: ignore[arg-type]

    def error(self, work: Awaitable[Any]) -> Exception:
        """What `work` fails with, if that is a `ProbeError`."""
        failed = Deferred.fromCoroutine(work)  # type: ignore[arg-type,var-annotated]
        error: Exception = self.failureResultOf(failed, ProbeError).value
        return error

    @property
    def sent(self) -> Request:
        """The last request."""
        return self.http.requests[-1]


class SendTests(AskingTestCase):
    """`send`, and `ask` as far as it is the same."""

    def work(self, name: str, **more: Any) -> Awaitable[Any]:
        functions: Mapping[str, Callable[..., Awaitable[Any]]] = {"ask": ask, "send": send}
        return functions[name](self.host, "GET", URL, WORDS, headers={"X-Key": TOKEN}, **more)

    def test_failures(self) -> None:
        """Every failure is an error of its class, with its word and status."""
        cases: tuple[tuple[int, ProbeError], ...] = (
            (401, TokenExpiredError("Refused.")),
            (403, TokenExpiredError("Refused.")),
            (429, RateLimitedError("Too often.")),
            (400, UnexpectedResponseError("Got 400.", 400)),
            (404, UnexpectedResponseError("Got 404.", 404)),
            (500, UnexpectedResponseError("Got 500.", 500)),
            (503, UnexpectedResponseError("Got 503.", 503)),
            (302, UnexpectedResponseError("Got 302.", 302)),
            (199, UnexpectedResponseError("Got 199.", 199)),
        )
        for name in ("ask", "send"):
            for status, expected in cases:
                with self.subTest(name=name, status=status):
                    self.http.reply("GET", URL, status, {"message": TOKEN})
                    self.assertEqual(repr(self.error(self.work(name))), repr(expected))

    def test_no_answer(self) -> None:
        """No answer is an error of the same class, in the provider's words."""
        for error, expected in (
            (UnreachableError("refused"), UnreachableError("No way there.")),
            (ProbeTimeoutError("10 s"), ProbeTimeoutError("No way there.")),
            (
                UnexpectedResponseError("too large", 200),
                UnexpectedResponseError("Not understood.", 200),
            ),
        ):
            for name in ("ask", "send"):
                with self.subTest(name=name, error=error):
                    self.http.fail("GET", URL, error)
                    raised = self.error(self.work(name))
                    self.assertIs(type(raised), type(expected))
                    self.assertEqual(repr(raised), repr(expected))
                    self.assertIs(raised.__cause__, error)

    def test_cancelled(self) -> None:
        """A request that is cancelled ends as cancelled."""
        self.http.hang("GET", URL)
        work = Deferred.fromCoroutine(self.work("ask"))  # type: ignore[arg-type,var-annotated]
        work.cancel()
        self.failureResultOf(work, CancelledError)

    def test_retry_after(self) -> None:
        """A 429 says for how long, where the service does."""
        for headers, seconds in (({"Retry-After": "90"}, 90.0), ({}, None), ({"X": "9"}, None)):
            self.http.reply("GET", URL, 429, headers=headers)
            error = self.error(self.work("send"))
            assert isinstance(error, RateLimitedError)
            self.assertEqual(error.retry_after, seconds)

    def test_success(self) -> None:
        """Every status from 200 to 299 is an answer."""
        for status in (200, 201, 204, 299):
            self.http.reply("GET", URL, status, b"x")
            self.assertEqual(self.result(self.work("send")), Response(status, {}, b"x"))

    def test_explained(self) -> None:
        """What the service says goes before the word for its status, and for no other trouble."""

        def explain(response: Response) -> str | None:
            return said(response.json().get("message"))

        for status, body, expected in (
            (402, {"message": "Buy more"}, UnexpectedResponseError("Buy more.", 402)),
            (402, {"message": 5}, UnexpectedResponseError("Got 402.", 402)),
            (401, {"message": "Buy more"}, TokenExpiredError("Refused.")),
            (429, {"message": "Buy more"}, RateLimitedError("Too often.")),
        ):
            for name in ("ask", "send"):
                with self.subTest(name=name, status=status):
                    self.http.reply("GET", URL, status, body)
                    raised = self.error(self.work(name, explain=explain))
                    self.assertEqual(repr(raised), repr(expected))

    def test_request(self) -> None:
        """What is sent is what was given; TLS is checked unless that was asked for."""
        self.http.reply("GET", URL, body=b"{}")
        self.result(self.work("send", timeout=3, verify=False))
        self.assertEqual(
            self.sent, Request("GET", URL, {"x-key": TOKEN}, None, timeout=3, verify=False)
        )
        self.http.reply("GET", URL, body=b"{}")
        self.result(self.work("ask"))
        self.assertEqual(self.sent, Request("GET", URL, {"x-key": TOKEN}, None))

    def test_usual_words(self) -> None:
        """The words that a provider does not choose are sentences."""
        words = Words("Refused.")
        for text in (words.unreachable, words.status, words.invalid, words.rate_limited):
            self.assertRegex(text, r"\A[A-Z].*\.\Z")
        self.assertIn("HTTP 500", words.status.format(status=500))


class AskTests(AskingTestCase):
    """`ask`."""

    def test_object(self) -> None:
        """The answer's JSON object is given as it is."""
        self.http.reply("GET", URL, body={"used": 5, "more": [None]})
        body = self.result(ask(self.host, "GET", URL, WORDS, headers={}))
        self.assertEqual(body, {"used": 5, "more": [None]})

    def test_no_object(self) -> None:
        """Anything else is no answer."""
        for body in (b"", b"null", b"[1]", b'"x"', b"5", b"<html>", b'{"a": ', b"[" * 100_000):
            with self.subTest(body=body[:20]):
                self.http.reply("GET", URL, body=body)
                raised = self.error(ask(self.host, "GET", URL, WORDS, headers={}))
                self.assertEqual(
                    repr(raised), repr(UnexpectedResponseError("Not understood.", 200))
                )


class BodyTests(AskingTestCase):
    """The bodies that are sent."""

    def body(self, **more: Any) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of what `send` sends."""
        self.http.reply("POST", URL, body=b"{}")
        self.result(send(self.host, "POST", URL, WORDS, **{"headers": {}, **more}))
        assert self.sent.body is not None
        return self.sent.headers, self.sent.body

    def test_json(self) -> None:
        """JSON says that it is, and may be anything that JSON has."""
        values: tuple[object, ...] = ({"a": ["ключ", None, 1.5]}, [], {}, 0, False, "x")
        for value in values:
            headers, body = self.body(json=value)
            self.assertEqual(headers, {"content-type": "application/json"})
            self.assertEqual(self.sent.json(), value)
            self.assertTrue(body.isascii())

    def test_form(self) -> None:
        """A form says that it is, with spaces and everything else that is special as %XX."""
        form = {"grant_type": "refresh_token", "scope": "a b+c", "t": "/=&%~ключ"}
        headers, body = self.body(form=form)
        self.assertEqual(headers, {"content-type": "application/x-www-form-urlencoded"})
        self.assertTrue(body.startswith(b"grant_type=refresh_token&scope=a%20b%2Bc&t=%2F%3D%26"))
        self.assertNotIn(b"+", body)
        self.assertEqual(dict(parse_qsl(body.decode())), form)

    def test_empty_form(self) -> None:
        """A form without fields is a form all the same."""
        headers, body = self.body(form={})
        self.assertEqual(headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(body, b"")

    def test_surrogates(self) -> None:
        """Text that no form can carry is sent as well as it can be."""
        self.assertEqual(self.body(form={"t": "a\ud800b"})[1], b"t=a%3Fb")

    def test_own_type(self) -> None:
        """A content type of the provider's own is left to it."""
        own = {"Content-Type": "application/x-amz-json-1.0"}
        self.assertEqual(
            self.body(json={}, headers=own)[0], {"content-type": "application/x-amz-json-1.0"}
        )


class PostTests(AskingTestCase):
    """`post`."""

    def test_any_status(self) -> None:
        """Whatever the service answers is an answer."""
        for status in (200, 302, 400, 401, 429, 500):
            self.http.reply("POST", URL, status, b"x", {"Retry-After": "5"})
            response = self.result(post(self.host, URL))
            self.assertEqual(response, Response(status, {"retry-after": "5"}, b"x"))

    def test_no_answer(self) -> None:
        """No answer is the error that it was."""
        for error in (
            UnreachableError("refused"),
            ProbeTimeoutError("10 s"),
            UnexpectedResponseError("too large"),
        ):
            self.http.fail("POST", URL, error)
            self.assertIs(self.error(post(self.host, URL)), error)

    def test_request(self) -> None:
        """What is sent is what was given."""
        for more, body in (({"json": {"a": 1}}, b'{"a": 1}'), ({"form": {"a": "1"}}, b"a=1")):
            self.http.reply("POST", URL)
            self.result(post(self.host, URL, headers={"X": "y"}, timeout=4, **more))
            self.assertEqual((self.sent.body, self.sent.timeout), (body, 4))
            self.assertEqual(self.sent.headers["x"], "y")
        self.http.reply("POST", URL)
        self.result(post(self.host, URL))
        self.assertEqual(self.sent, Request("POST", URL, {}, None))


class SaidTests(SynchronousTestCase):
    """`said`."""

    def test_sentences(self) -> None:
        """What a service says becomes one sentence on one line."""
        for text, sentence in (
            ("Credits required for this feature.", "Credits required for this feature."),
            ("quota gone", "Quota gone."),
            ("  No\n more \t today!! ", "No more today."),
            ("Really?", "Really."),
            ("Дальше нельзя", "Дальше нельзя."),
        ):
            self.assertEqual(said(text), sentence)

    def test_nothing(self) -> None:
        """What is no text, or begins with no word, says nothing."""
        texts: tuple[object, ...] = (None, 5, {}, ["x"], True)
        for text in (*texts, "", " \n", "...", "<html>", '{"a": 1}', "500"):
            self.assertIsNone(said(text), text)

    def test_secrets(self) -> None:
        """Tokens, addresses and paths are masked, known or not."""
        for secret in (
            "aoa-PLANTED-0123456789",
            "sk-cp-PLANTEDabcdefgh",
            "ada@PLANTED.example",
            "/home/PLANTED/x",
            "PLANTED_PLANTED_1",
        ):
            sentence = said(f"no access for {secret} today")
            assert sentence is not None
            self.assertNotIn("PLANTED", sentence)
            self.assertTrue(sentence.startswith("No access for "))

    def test_length(self) -> None:
        """A long text is cut."""
        sentence = said("word " * 10**6)
        assert sentence is not None
        self.assertLessEqual(len(sentence), 201)

    @settings(deadline=None, max_examples=100)
    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Any text is a sentence, or nothing."""
        sentence = said(text)
        if sentence is not None:
            self.assertTrue(sentence.endswith("."))
            self.assertEqual(len(sentence.splitlines()), 1)


class RetryAfterTests(SynchronousTestCase):
    """`retry_after`."""

    def test_forms(self) -> None:
        """Seconds, whole or not, or a date; at most a month; nothing of what is past or odd."""
        in_a_minute = NOW + timedelta(seconds=60)
        two_east = timezone(timedelta(hours=2))
        for text, seconds in (
            ("120", 120.0),
            (" 1.5 ", 1.5),
            ("0", None),
            ("-5", None),
            ("", None),
            (" ", None),
            ("soon", None),
            ("1e3", 1000.0),
            ("99999999999", 31 * 86400.0),
            ("1e400", None),
            ("nan", None),
            (format_datetime(in_a_minute, usegmt=True), 60.0),
            (format_datetime(in_a_minute.astimezone(two_east)), 60.0),
            ("Tue, 24 Nov 2026 12:01:00", 60.0),
            ("Tue, 24 Nov 2026 12:01:00 -0000", 60.0),
            ("Tue, 24 Nov 2026 11:59:00 GMT", None),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 31 * 86400.0),
            ("Tue, 99 Nov 2026 12:01:00 GMT", None),
            ("2026-11-24T12:01:00Z", None),
        ):
            with self.subTest(text=text):
                self.assertEqual(retry_after({"retry-after": text}, NOW), seconds)
        self.assertIsNone(retry_after({}, NOW))

    @settings(deadline=None, max_examples=100)
    @given(
        st.text(max_size=40)
        | st.from_regex(
            r"\A(?:[A-Z][a-z]{2}, )?[0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6}"
            r"( [0-9]{1,2}:[0-9]{1,3}(:[0-9]{1,2})?)?( [+-]?[0-9]{1,12}| GMT)?\Z"
        ),
        st.datetimes(timezones=st.just(timezone.utc)),
    )
    def test_any_text(self, text: str, now: datetime) -> None:
        """Whatever a service says, it is seconds to wait, or nothing."""
        seconds = retry_after({"retry-after": text}, now)
        self.assertTrue(seconds is None or 0 < seconds <= 31 * 86400)
