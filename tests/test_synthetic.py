"""Probes of the Synthetic provider, from stored key to snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openusage.host import Host
from openusage.model import (
    Badge,
    Count,
    Line,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.synthetic import Synthetic
from openusage.testing import NOW, MemoryState
from tests.probes import ProbeTestCase

URL = "https://api.synthetic.new/v2/quotas"
PI, MODELS = ".pi/agent/auth.json", ".pi/agent/models.json"
DROID, OPENCODE = ".factory/settings.json", ".local/share/opencode/auth.json"
ENV = {"SYNTHETIC_API_KEY": "syn_env"}
SOON = datetime(2026, 11, 24, 13, tzinfo=timezone.utc)
NEW = {
    "rollingFiveHourLimit": {"max": 600, "remaining": 450, "limited": False},
    "weeklyTokenLimit": {"percentRemaining": 75},
}
OLD = {
    "subscription": {"limit": 135, "requests": 41, "renewsAt": "2026-11-24T13:00:00.000Z"},
    "freeToolCalls": {"limit": 500, "requests": 20},
}
SEARCH = {"search": {"hourly": {"limit": 250, "requests": 12, "renewsAt": "2026-11-24 13:00:00"}}}
REQUESTS = Count("requests")
SEARCHED = Progress("Search", 12, 250, REQUESTS, SOON, 3_600_000)
LIMITED = Badge("Rate Limited", "Rate limited", "#ef4444")


def five_hours(used: float, limit: float = 600) -> Progress:
    """The line of the five-hour limit."""
    return Progress("5h Rate Limit", used, limit, REQUESTS)


def mana(used: float) -> Progress:
    """The line of the weekly limit."""
    return Progress("Mana Bar", used, 100)


class Case(ProbeTestCase):
    """A machine with a home folder, empty at first."""

    provider = Synthetic()

    def host(self, **more: Any) -> Host:
        """One with a key in the environment, unless `more` says otherwise."""
        return super().host(**{"env": ENV, **more})

    def told(self, body: Mapping[str, Any]) -> tuple[Line, ...]:
        """The lines of an answer; nothing is remembered from one to the next."""
        self.state = MemoryState()
        self.http.reply("GET", URL, body=body)
        return self.probe().lines


class KeyTests(Case):
    """Where the key is found."""

    def assert_sent(self, key: str, host: Host | None = None) -> None:
        self.state = MemoryState()
        self.http.reply("GET", URL, body=NEW)
        self.probe(host)
        self.assertEqual(self.http.requests[-1].headers["authorization"], f"Bearer {key}")

    def test_order(self) -> None:
        """Pi's logins go before its models, these before Droid, OpenCode and the environment."""
        self.assert_sent("syn_env")
        self.write(OPENCODE, {"synthetic": {"type": "api", "key": "syn_opencode"}})
        self.assert_sent("syn_opencode")
        custom = [{"baseUrl": "https://api.synthetic.new/v1", "apiKey": "syn_droid"}]
        self.write(DROID, {"customModels": custom})
        self.assert_sent("syn_droid")
        self.write(MODELS, {"providers": {"synthetic": {"apiKey": "syn_models"}}})
        self.assert_sent("syn_models")
        self.write(PI, {"synthetic": {"type": "api_key", "key": "syn_pi"}})
        self.assert_sent("syn_pi")

    def test_next(self) -> None:
        """What is blank, damaged, about others or of another type is passed over."""
        for content in (
            {"synthetic": {"key": "  "}},
            "{no json",
            {"anthropic": {"key": "sk-ant-other"}},
            {"synthetic": "syn_text"},
            {"synthetic": {"key": 5}},
            ["synthetic"],
            {"synthetic": {"key": "syn with spaces"}},
        ):
            self.write(PI, content)
            self.assert_sent("syn_env")

    def test_names(self) -> None:
        """All three names of the service are known, and both names of the field."""
        for name in ("synthetic", "synthetic.new", "syn"):
            for field in ("key", "apiKey"):
                self.write(PI, {name: {field: " syn_pi "}})
                self.assert_sent("syn_pi")
                self.write(PI, {})
                self.write(MODELS, {"providers": {name: {field: "syn_models"}}})
                self.assert_sent("syn_models")
        self.write(PI, {"syn": {"key": "third"}, "synthetic": {"apiKey": "second", "key": "first"}})
        self.assert_sent("first")

    def test_droid(self) -> None:
        """Of Droid's models the first of this service that has a key is used."""
        models: list[object] = [
            "text",
            {"baseUrl": "https://api.openai.com/v1", "apiKey": "sk-other"},
            {"baseUrl": "https://api.synthetic.new/v1", "apiKey": " "},
            {"baseUrl": "https://custom.synthetic.new/v1", "apiKey": "syn_droid"},
            {"baseUrl": "https://api.synthetic.new/v1", "apiKey": "syn_later"},
        ]
        self.write(DROID, {"customModels": models})
        self.assert_sent("syn_droid")
        self.write(DROID, {"customModels": models[:3]})
        self.assert_sent("syn_env")

    def test_pi_folder(self) -> None:
        """`PI_CODING_AGENT_DIR` names Pi's folder, and may start with `~`."""
        self.write(PI, {"synthetic": {"key": "syn_usual"}})
        self.write("custom/pi/models.json", {"providers": {"syn": {"key": "syn_models"}}})
        host = self.host(env={"PI_CODING_AGENT_DIR": "~/custom/pi"})
        self.assert_sent("syn_models", host)
        self.write("custom/pi/auth.json", {"synthetic": {"key": "syn_custom"}})
        self.assert_sent("syn_custom", self.host(env={"PI_CODING_AGENT_DIR": " ~/custom/pi/ "}))
        self.assertEqual(self.detected(host), "~/custom/pi/auth.json")

    def test_elsewhere(self) -> None:
        """A folder outside the home is shown by the name of its variable."""
        other = Path(self.mktemp()).absolute()
        other.mkdir()
        (other / "auth.json").write_text('{"syn": {"key": "syn_other"}}')
        host = self.host(env={"PI_CODING_AGENT_DIR": str(other)})
        self.assertEqual(self.detected(host), "$PI_CODING_AGENT_DIR/auth.json")

    def test_platforms(self) -> None:
        """OpenCode's file is found where each system has it."""
        for platform, folder, env in (
            ("linux", "data/opencode", {"XDG_DATA_HOME": "~/data"}),
            ("darwin", "Library/Application Support/opencode", {}),
            ("win32", "AppData/Local/opencode", {}),
            ("win32", "AppData/Roaming/opencode", {}),
        ):
            self.write(f"{folder}/auth.json", {"synthetic.new": {"apiKey": "syn_here"}})
            self.assert_sent("syn_here", self.host(env=env, platform=platform))
            (self.home / folder / "auth.json").unlink()

    def test_detected(self) -> None:
        """The place of the key is named, as a path or as a variable."""
        self.assertIsNone(self.detected(env={}))
        self.assertEqual(self.detected(), "SYNTHETIC_API_KEY")
        self.write(PI, {"synthetic": {"key": "syn_pi"}})
        self.assertEqual(self.detected(env={}), "~/.pi/agent/auth.json")

    def test_none(self) -> None:
        """Without a key the error names every place, and each file is watched."""
        host = self.host(env={})
        text = self.failure(NotLoggedInError, host)
        self.assertTrue(
            text.startswith(
                "Synthetic API key not found. "
                "Set SYNTHETIC_API_KEY or add key to ~/.pi/agent/auth.json."
            )
        )
        for name in (PI, MODELS, DROID, OPENCODE):
            self.assertIn(f"~/{name}", text)
            self.assertIn(self.home / name, host.visit.watched)


class LinesTests(Case):
    """What is made of an answer."""

    def test_newer_plan(self) -> None:
        """The five-hour and weekly limits stand for the older ones, which are not shown."""
        for body, lines in (
            (NEW, (five_hours(150), mana(25))),
            ({**NEW, **OLD, **SEARCH}, (five_hours(150), mana(25), SEARCHED)),
            (
                {**OLD, "rollingFiveHourLimit": {"max": 400, "remaining": 300}},
                (five_hours(100, 400),),
            ),
            ({**OLD, **NEW, "rollingFiveHourLimit": {}}, (mana(25),)),
            ({"data": {**NEW, **OLD}}, (five_hours(150), mana(25))),
        ):
            self.assertEqual(self.told(body), lines)

    def test_older_plan(self) -> None:
        """Without a usable newer limit there are the subscription and the tool calls."""
        old = (
            Progress("Subscription", 41, 135, REQUESTS, SOON),
            Progress("Free Tool Calls", 20, 500, REQUESTS),
        )
        newers: tuple[dict[str, Any], ...] = (
            {},
            {"rollingFiveHourLimit": {}, "weeklyTokenLimit": {}},
            {"rollingFiveHourLimit": {"max": "600", "remaining": 3}, "weeklyTokenLimit": 5},
            {"rollingFiveHourLimit": {"max": 600}, "weeklyTokenLimit": {"percentRemaining": None}},
        )
        for newer in newers:
            self.assertEqual(self.told({**OLD, **newer, **SEARCH}), (*old, SEARCHED))

    def test_limited(self) -> None:
        """That requests are refused is a badge, even where the figures are of no use."""
        block = {"max": 600, "remaining": 0, "limited": True}
        for body, lines in (
            (
                {**NEW, "rollingFiveHourLimit": block, **SEARCH},
                (five_hours(600), mana(25), LIMITED, SEARCHED),
            ),
            ({"rollingFiveHourLimit": {"limited": True}}, (LIMITED,)),
            ({**SEARCH, "rollingFiveHourLimit": {"limited": "true"}}, (SEARCHED,)),
            ({**SEARCH, "rollingFiveHourLimit": {"limited": 1}}, (SEARCHED,)),
        ):
            self.assertEqual(self.told(body), lines)

    def test_mana(self) -> None:
        """The share that is used is what does not remain, in whole percent, halves up."""
        for remaining, used in ((75, 25), (100, 0), (0, 100), (63.2, 37), (62.5, 38), (140, 0)):
            body = {"weeklyTokenLimit": {"percentRemaining": remaining}}
            self.assertEqual(self.told(body), (mana(used),))

    def test_credits(self) -> None:
        """Where no share is told it comes from the credits, given as amounts or as texts."""
        for block, used in (
            ({"maxCredits": "$12.00", "remainingCredits": "$3.00"}, 75),
            ({"maxCredits": "$1,200.00", "usedCredits": "$300"}, 25),
            ({"maxCredits": 12, "remainingCredits": 9}, 25),
            ({"maxCredits": "$12.00", "remainingCredits": "$3.00", "percentRemaining": 60}, 40),
        ):
            self.assertEqual(self.told({"weeklyTokenLimit": block}), (mana(used),))
        for block in (
            {"maxCredits": "$0.00", "remainingCredits": "$0.00"},
            {"maxCredits": "$12.00"},
            {"maxCredits": "plenty", "remainingCredits": "$3.00"},
        ):
            self.assertEqual(self.told({**SEARCH, "weeklyTokenLimit": block}), (SEARCHED,))

    def test_left_out(self) -> None:
        """A limit of zero, or one of which nothing is known to be used, is no line."""
        for block in (
            {"limit": 0, "requests": 0},
            {"limit": 500},
            {"limit": 500, "requests": None},
            {"limit": 500, "requests": "3"},
            {"limit": 500, "requests": -1},
            {"limit": -5, "requests": 1},
            {"limit": float("nan"), "requests": 1},
            {"requests": 1},
        ):
            for name in ("subscription", "freeToolCalls"):
                self.assertEqual(self.told({**SEARCH, name: block}), (SEARCHED,))

    def test_nothing_to_show(self) -> None:
        """An account all of whose limits are zero is told so."""
        body = {"subscription": {"limit": 0, "requests": 0}, "freeToolCalls": {"limit": 0}}
        self.assertEqual(self.told(body), (Badge("Status", "No usage data", "#a3a3a3"),))

    def test_rounded(self) -> None:
        """Tool calls are whole, halves up."""
        for requests, used in ((53.5, 54), (53.4, 53)):
            body = {"freeToolCalls": {"limit": 500, "requests": requests}}
            line = Progress("Free Tool Calls", used, 500, REQUESTS)
            self.assertEqual(self.told(body), (line,))

    def test_renewal(self) -> None:
        """A renewal that is no date costs only the date."""
        for text, at in (
            ("2026-11-24T13:00:00Z", SOON),
            ("soon", None),
            (True, None),
            (None, None),
        ):
            block = {"limit": 9, "requests": 1, "renewsAt": text}
            line = Progress("Subscription", 1, 9, REQUESTS, at)
            self.assertEqual(self.told({"subscription": block}), (line,))

    def test_no_plan(self) -> None:
        """The service names no plan."""
        self.http.reply("GET", URL, body=NEW)
        self.assertIsNone(self.probe().plan)

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Any JSON of roughly the shape makes a snapshot or a `ProbeError`."""
        numbers = st.integers() | st.floats()
        odd: st.SearchStrategy[Any] = (
            st.none() | st.booleans() | numbers | st.text(max_size=5) | st.just([])
        )
        names = ("limit", "requests", "renewsAt", "max", "remaining", "limited")
        credit = ("percentRemaining", "maxCredits", "remainingCredits", "usedCredits")
        block = st.dictionaries(st.sampled_from((*names, *credit)), numbers | odd) | odd
        blocks = ("rollingFiveHourLimit", "weeklyTokenLimit", "subscription", "freeToolCalls")
        search = st.fixed_dictionaries({"hourly": block})
        body = st.dictionaries(st.sampled_from(blocks), block)
        found = data.draw(st.tuples(body, search).map(lambda two: {**two[0], "search": two[1]}))
        self.state = MemoryState()
        self.http.reply("GET", URL, body=found)
        ended: list[object] = []

        self.start().addBoth(ended.append)

        (result,) = ended
        result = getattr(result, "value", result)
        self.assertIsInstance(result, (Snapshot, ProbeError))


class RequestTests(Case):
    """What is sent, and what may come of it."""

    def test_sent(self) -> None:
        """One request with the key, who we are, and 15 seconds to answer."""
        self.http.reply("GET", URL, body=NEW)
        self.probe()
        (request,) = self.http.requests
        self.assertEqual(request.url, URL)
        self.assertEqual(request.headers["authorization"], "Bearer syn_env")
        self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(request.headers["user-agent"], "openusage/0")
        self.assertEqual(request.timeout, 15.0)

    def test_spaced(self) -> None:
        """Within a minute nothing is asked again, and the figures are as old as they are."""
        self.http.reply("GET", URL, body={**NEW, **SEARCH})
        first = self.probe()
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 1)
        self.clock.advance(1)
        self.http.reply("GET", URL, body=NEW)
        self.assertEqual(self.probe().fetched_at, NOW + timedelta(minutes=1))

    def test_refused(self) -> None:
        """401 and 403 say that the key is no good, and whatever the answer says is not shown."""
        for status in (401, 403):
            self.state = MemoryState()
            self.http.reply("GET", URL, status, {"error": "nope"})
            text = self.failure(TokenExpiredError)
            expected = "API key invalid or expired. Check your Synthetic API key."
            self.assertEqual(text, expected)

    def test_unreachable(self) -> None:
        """No connection and no answer are told apart by class."""
        for trouble in (UnreachableError("refused"), ProbeTimeoutError("no answer within 15 s")):
            self.state = MemoryState()
            self.http.fail("GET", URL, trouble)
            error = self.error(type(trouble))
            self.assertIs(type(error), type(trouble))
            self.assertEqual(str(error), "Request failed. Check your connection.")

    def test_unreadable(self) -> None:
        """A good answer without any quota is an error."""
        for body in (
            b"<html>",
            b"null",
            b"false",
            b"0",
            b"",
            b"[]",
            b"{}",
            b'{"subscription": {}}',
        ):
            self.state = MemoryState()
            self.http.reply("GET", URL, body=body)
            self.assertEqual(self.failure(UnexpectedResponseError), "Could not parse usage data.")

    def test_explained(self) -> None:
        """What the service says of a failure is shown as a sentence."""
        for body, text in (
            ({"error": "Out of credits"}, "Out of credits."),
            ({"error": {"message": "out of credits."}}, "Out of credits."),
            ({"error": {"code": 7}}, 'Request failed: {"code":7}.'),
            ({"error": {}, "message": "Try later!"}, "Try later."),
            ({"message": "Try later"}, "Try later."),
            ({"error": " ", "message": 5}, "Request failed (HTTP 500)."),
            ({}, "Request failed (HTTP 500)."),
            ([], "Request failed (HTTP 500)."),
            ("<html>", "Request failed (HTTP 500)."),
        ):
            self.state = MemoryState()
            self.http.reply("GET", URL, 500, body)
            self.assertEqual(self.failure(UnexpectedResponseError), text)

    def test_rate_limited(self) -> None:
        """A 429 is shown in the service's words, and nothing is sent before its time has come."""
        text = "Credits required for this feature."
        body = {"error": {"message": text}}
        self.http.reply("GET", URL, 429, body, {"Retry-After": "600"})
        error = self.error(RateLimitedError)
        assert isinstance(error, RateLimitedError)
        self.assertEqual((str(error), error.retry_after), (text, 600.0))
        self.clock.advance(599)
        self.failure(RateLimitedError)
        self.assertEqual(len(self.http.requests), 1)

    def test_redacted(self) -> None:
        """Of the service's words no key, address or path is shown, nor all of a novel."""
        secret = "syn_0123456789abcdef"
        for words in (
            f"Key {secret} of ada@planted.example is unknown",
            f"Bearer {secret} refused in /home/ada/project",
            f"{'No. ' * 200}{secret}",
        ):
            self.state = MemoryState()
            self.http.reply("GET", URL, 500, {"error": words})
            text = self.failure(UnexpectedResponseError)
            for part in (secret, "planted.example", "/home/ada"):
                self.assertNotIn(part, text)
            self.assertLessEqual(len(text), 220)
