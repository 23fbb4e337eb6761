"""Probes of the OpenRouter provider, from stored key to snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError

from openusage.host import Host
from openusage.model import (
    Dollars,
    Line,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.openrouter import OpenRouter
from openusage.testing import NOW, MemoryState
from tests.probes import ProbeTestCase

BASE = "https://openrouter.ai/api/v1"
OURS, THEIRS = ".config/openusage/openrouter.json", ".config/openrouter/key.json"
OPENCODE = ".local/share/opencode/auth.json"
ENV = {"OPENROUTER_API_KEY": "sk-or-env"}
CREDITS = {"data": {"total_credits": 277.47, "total_usage": 178.20}}
KEY = {
    "data": {
        "usage": 12,
        "usage_daily": 0.75,
        "usage_weekly": 4.1,
        "usage_monthly": 1234.5,
        "limit": 5,
        "limit_remaining": 3,
        "limit_reset": "monthly",
        "is_free_tier": False,
    }
}
CREDIT_LINES = (Progress("Credits", 178.20, 277.47, Dollars()), Text("Balance", "$99.27"))
KEY_LINES = (
    Text("Today", "$0.75"),
    Text("This Week", "$4.10"),
    Text("This Month", "$1,234.50"),
    Progress("Key Limit", 2, 5, Dollars()),
)
REFUSED = "OpenRouter API key invalid. Check your key at openrouter.ai/keys."
UNAVAILABLE = "OpenRouter usage data unavailable. Try again later."
OFFLINE = "Couldn't reach OpenRouter. Check your connection."


class Case(ProbeTestCase):
    """A machine with a home folder, empty at first."""

    provider = OpenRouter()

    def host(self, **more: Any) -> Host:
        """One with a key in the environment, unless `more` says otherwise."""
        return super().host(**{"env": ENV, **more})

    def answer(self, credits_: Any = CREDITS, key: Any = KEY, base: str = BASE) -> None:
        """Let both endpoints answer, each with a status, an error or a good body."""
        self.state = MemoryState()
        for name, outcome in (("credits", credits_), ("key", key)):
            url = f"{base}/{name}"
            if isinstance(outcome, ProbeError):
                self.http.fail("GET", url, outcome)
            elif isinstance(outcome, int):
                self.http.reply("GET", url, outcome, {"error": {"message": "sk-or-env"}})
            else:
                self.http.reply("GET", url, 200, outcome)


class KeyTests(Case):
    """Where the key is found."""

    def assert_sent(self, key: str, host: Host | None = None) -> None:
        self.answer()
        self.probe(host)
        for request in self.http.requests[-2:]:
            self.assertEqual(request.headers["authorization"], f"Bearer {key}")

    def test_order(self) -> None:
        """Files go before the environment, and that before what OpenCode keeps."""
        self.write(OPENCODE, {"openrouter": {"type": "api", "key": "sk-or-opencode"}})
        self.assert_sent("sk-or-opencode", self.host(env={}))
        second = {"OPENROUTER_KEY": "sk-or-second"}
        self.assert_sent("sk-or-second", self.host(env=second))
        self.assert_sent("sk-or-env", self.host(env={**second, **ENV}))
        self.write(THEIRS, {"key": "sk-or-theirs"})
        self.assert_sent("sk-or-theirs")
        self.write(OURS, {"apiKey": "sk-or-ours"})
        self.assert_sent("sk-or-ours")

    def test_blank_file(self) -> None:
        """A file without a key is passed over."""
        for content in ("", " \n", {}, {"apiKey": " "}, "{half", [1], '"sk-or-quoted"', "null"):
            self.write(OURS, content)
            self.assert_sent("sk-or-env")

    def test_plain_file(self) -> None:
        """A file may hold the key and nothing else."""
        self.write(OURS, "  sk-or-plain\n")
        self.assert_sent("sk-or-plain")

    def test_other_login(self) -> None:
        """What OpenCode keeps of another type is no API key."""
        self.write(OPENCODE, {"openrouter": {"type": "oauth", "key": "sk-or-opencode"}})
        self.assertIsNone(self.detected(env={}))

    def test_platforms(self) -> None:
        """The file of our own is in the same place on every system."""
        self.write(OURS, {"apiKey": "sk-or-ours"})
        for platform in ("linux", "darwin", "win32"):
            self.assert_sent("sk-or-ours", self.host(env={}, platform=platform))
            self.assertEqual(self.detected(env={}, platform=platform), f"~/{OURS}")

    def test_detected(self) -> None:
        """The variable that holds the key is named."""
        self.assertIsNone(self.detected(env={"OPENROUTER_API_KEY": " "}))
        self.assertEqual(self.detected(), "OPENROUTER_API_KEY")

    def test_none(self) -> None:
        """Without a key the error names every place, and each file is watched."""
        host = self.host(env={})
        text = self.failure(NotLoggedInError, host)
        start = (
            "No OpenRouter API key. "
            "Set OPENROUTER_API_KEY or add it to ~/.config/openusage/openrouter.json."
        )
        self.assertTrue(text.startswith(start), text)
        for name in (OURS, THEIRS, OPENCODE):
            self.assertIn(f"~/{name}", text)
            self.assertIn(self.home / name, host.visit.watched)
        self.assertIn("OPENROUTER_KEY", text)


class LinesTests(Case):
    """What is made of the two answers."""

    def told(self, credits_: Mapping[str, Any], key: Mapping[str, Any]) -> tuple[Line, ...]:
        self.answer({"data": credits_}, {"data": key})
        return self.probe().lines

    def test_both(self) -> None:
        """Credits and balance come first, then what was spent, then the limit of the key."""
        self.answer()
        snapshot = self.probe()
        self.assertEqual(snapshot.lines, (*CREDIT_LINES, *KEY_LINES))
        self.assertEqual(snapshot.plan, "Pay as you go")

    def test_plan(self) -> None:
        """Whether the key is of the free tier is the plan, where that is told."""
        for free, plan in (
            (True, "Free tier"),
            (False, "Pay as you go"),
            (1, None),
            ("true", None),
        ):
            self.answer(CREDITS, {"data": {"is_free_tier": free}})
            self.assertEqual(self.probe().plan, plan)

    def test_credits(self) -> None:
        """There is a meter where credits were bought, and a balance where use is known."""
        for credits_, lines in (
            ({"total_credits": 0, "total_usage": 0}, [Text("Balance", "$0.00")]),
            ({"total_usage": 3}, [Text("Balance", "$0.00")]),
            (
                {"total_credits": "10", "total_usage": "12.5"},
                [Progress("Credits", 12.5, 10, Dollars()), Text("Balance", "$0.00")],
            ),
            (
                {"total_credits": 2000, "total_usage": -1},
                [Progress("Credits", 0, 2000, Dollars()), Text("Balance", "$2,000.00")],
            ),
            ({"total_credits": 10}, []),
            ({"total_credits": 10, "total_usage": True}, []),
            ({"total_credits": 10, "total_usage": float("inf")}, []),
        ):
            today = Text("Today", "$0.00")
            self.assertEqual(self.told(credits_, {"usage_daily": 0}), (*lines, today))

    def test_spent(self) -> None:
        """Each period is shown that is told, zero too, and nothing below it."""
        spent = {"usage_daily": -2, "usage_weekly": None, "usage_monthly": "7.005"}
        expected = (Text("Today", "$0.00"), Text("This Month", "$7.00"))
        self.assertEqual(self.told({}, spent), expected)

    def test_key_limit(self) -> None:
        """What is used of the limit is what does not remain of it."""
        for key, used in (
            ({"limit": 5, "limit_remaining": 3, "usage": 12}, 2),
            ({"limit": 5, "limit_remaining": 0}, 5),
            ({"limit": 5, "limit_remaining": -4}, 5),
            ({"limit": 5, "limit_remaining": 9}, 0),
            ({"limit": "5", "limit_remaining": "4.5"}, 0.5),
        ):
            self.assertEqual(self.told({}, key), (Progress("Key Limit", used, 5, Dollars()),))

    def test_remaining_unknown(self) -> None:
        """Where it is not told what remains, what was spent since the last reset is used."""
        spent = {"usage": 40, "usage_daily": 1, "usage_weekly": 2, "usage_monthly": 3}
        for reset, used in (("daily", 1), ("weekly", 2), ("monthly", 3), (None, 40)):
            lines = self.told({}, {**spent, "limit": 50, "limit_reset": reset})
            self.assertEqual(lines[-1], Progress("Key Limit", used, 50, Dollars()))
        for odd in ("yearly", 5, True):
            lines = self.told({}, {**spent, "limit": 50, "limit_reset": odd})
            self.assertEqual(lines[-1], Text("This Month", "$3.00"))

    def test_no_limit(self) -> None:
        """A key without limit, or with one that is none, has no such line."""
        for limit in (None, 0, -1, "none", True):
            lines = self.told({}, {"usage_daily": 1, "limit": limit, "limit_remaining": 3})
            self.assertEqual(lines, (Text("Today", "$1.00"),))

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Any JSON of roughly the shape makes a snapshot or a `ProbeError`."""
        odd: st.SearchStrategy[Any] = (
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
        )
        for example, name in ((CREDITS, "credits"), (KEY, "key")):
            inner = st.dictionaries(st.sampled_from(sorted(example["data"])), odd) | odd
            body = data.draw(st.fixed_dictionaries({"data": inner}) | st.just({}))
            self.http.reply("GET", f"{BASE}/{name}", body=body)
        self.state = MemoryState()
        ended: list[object] = []

        self.start().addBoth(ended.append)

        (result,) = ended
        self.assertIsInstance(getattr(result, "value", result), (Snapshot, ProbeError))


class RequestTests(Case):
    """What is sent, and what may come of it."""

    def test_sent(self) -> None:
        """Both requests go out at once, with the key, who we are, and 15 seconds to answer."""
        self.http.hang("GET", f"{BASE}/credits")
        self.http.hang("GET", f"{BASE}/key")
        work = self.start()
        self.assertNoResult(work)
        self.assertEqual(
            [request.url for request in self.http.requests], [f"{BASE}/credits", f"{BASE}/key"]
        )
        for request in self.http.requests:
            self.assertEqual(request.headers["authorization"], "Bearer sk-or-env")
            self.assertEqual(request.headers["accept"], "application/json")
            self.assertEqual(request.headers["user-agent"], "openusage/0")
            self.assertEqual(request.timeout, 15.0)
        work.cancel()
        self.failureResultOf(work, CancelledError)

    def test_one_is_enough(self) -> None:
        """What one of the two endpoints tells is shown without the other."""
        offline = UnreachableError("refused")
        troubles: list[Any] = [401, 403, 404, 429, 500, offline, b"<html>", {"data": []}]
        for trouble in troubles:
            self.answer(trouble, KEY)
            snapshot = self.probe()
            self.assertEqual((snapshot.lines, snapshot.plan), (KEY_LINES, "Pay as you go"))
            self.answer(CREDITS, trouble)
            snapshot = self.probe()
            self.assertEqual((snapshot.lines, snapshot.plan), (CREDIT_LINES, None))

    def test_invalid(self) -> None:
        """The key is no good when both endpoints say so."""
        for credits_, key in ((401, 401), (403, 401), (403, 403)):
            self.answer(credits_, key)
            self.assertEqual(self.failure(TokenExpiredError), REFUSED)

    def test_trouble(self) -> None:
        """With nothing to show the first trouble is told that is more than a refusal."""
        offline, silent = UnreachableError("refused"), ProbeTimeoutError("no answer within 15 s")
        for credits_, key, kind, text in (
            (403, 500, UnexpectedResponseError, "OpenRouter request failed (HTTP 500)."),
            (500, 401, UnexpectedResponseError, "OpenRouter request failed (HTTP 500)."),
            (502, 500, UnexpectedResponseError, "OpenRouter request failed (HTTP 502)."),
            (429, 500, RateLimitedError, "OpenRouter request failed (HTTP 429)."),
            (offline, 500, UnreachableError, OFFLINE),
            (401, silent, ProbeTimeoutError, OFFLINE),
            (403, {"data": {}}, UnexpectedResponseError, UNAVAILABLE),
            ({"data": {}}, 401, UnexpectedResponseError, UNAVAILABLE),
            ({"data": {}}, {"data": {}}, UnexpectedResponseError, UNAVAILABLE),
            ({"data": {}}, {"data": {"is_free_tier": True}}, UnexpectedResponseError, UNAVAILABLE),
            ({}, b"[1]", UnexpectedResponseError, UNAVAILABLE),
            (b"", {"data": None}, UnexpectedResponseError, UNAVAILABLE),
        ):
            self.answer(credits_, key)
            error = self.error(kind)
            self.assertIs(type(error), kind)
            self.assertEqual(str(error), text)

    def test_spaced(self) -> None:
        """Within a minute nothing is asked again, and the figures are as old as they are."""
        self.answer()
        first = self.probe()
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 2)
        self.clock.advance(1)
        state, self.state = self.state, MemoryState()
        self.answer()
        self.state = state
        self.assertEqual(self.probe().fetched_at, NOW + timedelta(minutes=1))

    def test_rate_limited(self) -> None:
        """After a 429 of both nothing is sent before the time that is named."""
        self.http.reply("GET", f"{BASE}/credits", 429, b"", {"Retry-After": "600"})
        self.http.reply("GET", f"{BASE}/key", 429)
        self.failure(RateLimitedError)
        self.clock.advance(599)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 2)

    def test_other_address(self) -> None:
        """`OPENROUTER_API_URL` is asked instead, if it is https."""
        for url, base in (
            ("https://proxy.example/or/v1//", "https://proxy.example/or/v1"),
            ("http://proxy.example/or/v1", BASE),
            ("https://ada:pw@proxy.example/v1", BASE),
            ("https://proxy.example/v1?to=", BASE),
            ("https://", BASE),
        ):
            self.answer(base=base)
            host = self.host(env={**ENV, "OPENROUTER_API_URL": url})
            self.assertEqual(self.probe(host).lines, (*CREDIT_LINES, *KEY_LINES))
            ignored = ["OPENROUTER_API_URL is no https address and was ignored."]
            self.assertEqual(host.visit.notes, ignored if base == BASE else [])
