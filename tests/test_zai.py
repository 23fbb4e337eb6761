"""Probes of the Z.ai provider, from stored key to snapshot."""

from __future__ import annotations

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
    NotAvailableError,
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
from openusage.providers.zai import ZAI
from openusage.testing import NOW, FakeHttp, MemoryState
from tests.probes import ProbeTestCase

QUOTA_PATH, PLAN_PATH = "/api/monitor/usage/quota/limit", "/api/biz/subscription/list"
SITE, CHINA = "https://api.z.ai", "https://open.bigmodel.cn"
OURS, THEIRS = ".config/openusage/zai.json", ".config/zai/key.json"
HELPER, OPENCODE = ".chelper/config.yaml", ".local/share/opencode/auth.json"
ENV = {"ZAI_API_KEY": "zai-env"}
HOUR, DAY, WEEK = 3_600_000, 86_400_000, 604_800_000
MONTH = 30 * DAY
SESSION = {"type": "TOKENS_LIMIT", "unit": 3, "number": 5, "percentage": 12}
WEEKLY = {"type": "TOKENS_LIMIT", "unit": 6, "number": 1, "percentage": 31}
SEARCHES = {
    "type": "TIME_LIMIT",
    "unit": 5,
    "number": 1,
    "usage": 4000,
    "currentValue": 1095,
    "nextResetTime": 1795827600000,
}
PLAN = {"code": 200, "data": [{"productName": "GLM coding max"}], "success": True}
NO_TOKENS = Badge("Session", "No usage data", "#a3a3a3")
NO_DATA = Badge("Status", "No usage data", "#a3a3a3")
INVALID = "Usage response invalid. Try again later."


def session(used: float, period_ms: int = 5 * HOUR, resets_at: datetime | None = None) -> Progress:
    """The line of the session."""
    return Progress("Session", used, 100, resets_at=resets_at, period_ms=period_ms)


def weekly(used: float, period_ms: int = WEEK) -> Progress:
    """The line of the week."""
    return Progress("Weekly", used, 100, period_ms=period_ms)


def searches(resets_at: datetime) -> Progress:
    """The line of 1095 web searches."""
    return Progress("Web Searches", 1095, 4000, Count("searches"), resets_at, MONTH)


SEARCHED = searches(datetime(2026, 11, 28, 1, tzinfo=timezone.utc))


class Case(ProbeTestCase):
    """A machine with a home folder, empty at first."""

    provider = ZAI()

    def host(self, **more: Any) -> Host:
        """One with a key in the environment, unless `more` says otherwise."""
        return super().host(**{"env": ENV, **more})

    def answer(self, quota: Any, plan: Any = PLAN, site: str = SITE) -> None:
        """Let both endpoints answer, each with a status, an error or a good body."""
        self.state = MemoryState()
        for path, outcome in ((QUOTA_PATH, quota), (PLAN_PATH, plan)):
            if isinstance(outcome, ProbeError):
                self.http.fail("GET", site + path, outcome)
            elif isinstance(outcome, int):
                self.http.reply("GET", site + path, outcome, {"msg": "zai-env"})
            else:
                self.http.reply("GET", site + path, 200, outcome)


class KeyTests(Case):
    """Where the key is found, and which site it is for."""

    def assert_sent(self, key: str, host: Host, site: str = SITE) -> None:
        self.answer({"limits": [SESSION]}, site=site)
        self.probe(host)
        for request, path in zip(self.http.requests[-2:], (QUOTA_PATH, PLAN_PATH), strict=True):
            self.assertEqual(request.url, site + path)
            self.assertEqual(request.headers["authorization"], f"Bearer {key}")

    def test_order(self) -> None:
        """Files go before the environment, and that before what other tools keep."""
        variables = {}
        self.write(OPENCODE, {"zai": {"type": "api", "key": "zai-opencode"}})
        self.assert_sent("zai-opencode", self.host(env={}))
        self.write(HELPER, "plan: glm_coding_plan_global\napi_key: zai-helper\n")
        self.assert_sent("zai-helper", self.host(env={}))
        for name in ("Z_AI_API_KEY", "GLM_API_KEY", "ZAI_API_KEY"):
            variables[name] = f"in-{name}"
            self.assert_sent(f"in-{name}", self.host(env=variables))
        self.write(THEIRS, {"api_key": "zai-theirs"})
        self.assert_sent("zai-theirs", self.host(env=variables))
        self.write(OURS, "zai-ours\n")
        self.assert_sent("zai-ours", self.host(env=variables))

    def test_opencode(self) -> None:
        """Of OpenCode's entries that of the coding plan goes first; only keys are used."""
        entry = {"type": "api", "key": "zai-plan"}
        self.write(OPENCODE, {"zai": {"type": "api", "key": "zai"}, "zai-coding-plan": entry})
        self.assert_sent("zai-plan", self.host(env={}))
        self.write(OPENCODE, {"zai": {"type": "oauth", "key": "zai"}})
        self.assertIsNone(self.detected(env={}))

    def test_china(self) -> None:
        """Keys of the Chinese site are sent there, and only when there is no other."""
        china = {"BIGMODEL_API_KEY": "cn-1", "ZHIPU_API_KEY": "cn-2", "ZHIPUAI_API_KEY": "cn-3"}
        for names, key in (
            ((), "cn-1"),
            (("BIGMODEL_API_KEY",), "cn-2"),
            (("BIGMODEL_API_KEY", "ZHIPU_API_KEY"), "cn-3"),
        ):
            left = {name: value for name, value in china.items() if name not in names}
            self.assert_sent(key, self.host(env=left), CHINA)
        self.assert_sent("zai-env", self.host(env={**china, **ENV}))
        self.write(OPENCODE, {"zhipuai-coding-plan": {"type": "api", "key": "cn-opencode"}})
        self.assert_sent("cn-opencode", self.host(env={}), CHINA)
        for name in (
            ".config/zhipu/api_key",
            ".config/bigmodel/api_key",
            ".coding-relay/glm-api-key",
        ):
            self.write(name, f"cn-{Path(name).parent.name}\n")
            self.assert_sent(f"cn-{Path(name).parent.name}", self.host(env=china), CHINA)

    def test_helper(self) -> None:
        """The Coding Tool Helper's plan names the site, and its key may be quoted."""
        for text, key, site in (
            ("lang: en_US\napi_key: 'a.b'\nplan: 'glm_coding_plan_china'\n", "a.b", CHINA),
            ('plan: "glm_coding_plan_global"\napi_key: "a.b" # mine\n', "a.b", SITE),
            ("api_key: a.b", "a.b", SITE),
        ):
            self.write(HELPER, text)
            self.assert_sent(key, self.host(env={}), site)
        for text in (
            "",
            "plan: glm_coding_plan_china\n",
            "api_key:\n",
            "  api_key: a.b\n",
            "[" * 9,
        ):
            self.write(HELPER, text)
            self.assertIsNone(self.detected(env={}))

    def test_platforms(self) -> None:
        """The file of our own is in the same place on every system."""
        self.write(OURS, {"apiKey": "zai-ours"})
        for platform in ("linux", "darwin", "win32"):
            self.assert_sent("zai-ours", self.host(env={}, platform=platform))
            self.assertEqual(self.detected(env={}, platform=platform), f"~/{OURS}")

    def test_none(self) -> None:
        """Without a key the error names every place, and each file is watched."""
        host = self.host(env={"ZAI_API_KEY": " "})
        text = self.failure(NotLoggedInError, host)
        start = "No Z.ai API key. Set ZAI_API_KEY or add it to ~/.config/openusage/zai.json."
        self.assertTrue(text.startswith(start), text)
        for name in (OURS, THEIRS, HELPER, OPENCODE, ".config/zhipu/api_key"):
            self.assertIn(f"~/{name}", text)
            self.assertIn(self.home / name, host.visit.watched)
        for name in ("GLM_API_KEY", "BIGMODEL_API_KEY"):
            self.assertIn(name, text)
        self.assertIsNone(self.detected(host))


class LinesTests(Case):
    """What is made of the limits."""

    def told(self, *limits: object) -> tuple[Line, ...]:
        self.answer({"code": 200, "success": True, "data": {"level": "pro", "limits": limits}})
        return self.probe().lines

    def test_all(self) -> None:
        """Session, week and searches are shown in this order, in whatever order they come."""
        expected = (session(12), weekly(31), SEARCHED)
        self.assertEqual(self.told(SESSION, WEEKLY, SEARCHES), expected)
        self.assertEqual(self.told(SEARCHES, WEEKLY, SESSION), expected)

    def test_containers(self) -> None:
        """The limits are the answer, or in `limits`, or either of these in `data`."""
        for body in (
            {"limits": [SESSION]},
            {"data": {"limits": [SESSION]}},
            {"data": None, "limits": [SESSION]},
            {"data": [SESSION]},
            [SESSION],
        ):
            self.answer(body)
            self.assertEqual(self.probe().lines, (session(12),))

    def test_reset(self) -> None:
        """The end of a window is given in milliseconds, and may be missing."""
        at = datetime(2025, 2, 1, tzinfo=timezone.utc)
        entry = {"type": "TOKENS_LIMIT", "unit": 3, "percentage": 10}
        for told, resets_at in (
            (1738368000000, at),
            ("1738368000000", at),
            (None, None),
            ([], None),
        ):
            lines = self.told({**entry, "nextResetTime": told})
            self.assertEqual(lines, (session(10, resets_at=resets_at),))

    def test_lengths(self) -> None:
        """A window is known by its length, which is `number` times `unit`; under a day: session."""
        for unit, number, line in (
            (3, 3, session(1, 3 * HOUR)),
            (3, 23, session(1, 23 * HOUR)),
            (3, 24, weekly(1, DAY)),
            (4, 3, weekly(1, 3 * DAY)),
            (6, 1, weekly(1)),
            (6, 2, weekly(1, 2 * WEEK)),
            (6, 7, weekly(1)),
            (5, 1, weekly(1, MONTH)),
            ("3", "5", session(1)),
        ):
            entry = {"type": "TOKENS_LIMIT", "percentage": 1, "unit": unit, "number": number}
            self.assertEqual(self.told(entry), (line,))

    def test_no_number(self) -> None:
        """Without a number the usual window is meant."""
        entry = {"type": "TOKENS_LIMIT", "percentage": 1}
        self.assertEqual(self.told({**entry, "unit": 3}), (session(1),))
        self.assertEqual(self.told({**entry, "unit": 6}), (weekly(1),))

    def test_no_unit(self) -> None:
        """A limit of unknown length holds for the session and the week, but where they have one."""
        entry = {"type": "TOKENS_LIMIT", "percentage": 10}
        self.assertEqual(self.told(entry), (session(10), weekly(10)))
        self.assertEqual(self.told(entry, SESSION), (session(12), weekly(10)))
        self.assertEqual(self.told(entry, WEEKLY), (session(10), weekly(31)))
        self.assertEqual(self.told(entry, SESSION, WEEKLY), (session(12), weekly(31)))

    def test_first_counts(self) -> None:
        """Of several limits of one kind the first is shown."""
        again = {**SESSION, "percentage": 99}
        self.assertEqual(self.told(SESSION, again), (session(12),))
        more = {**SEARCHES, "currentValue": 1}
        self.assertEqual(self.told(SESSION, SEARCHES, more), (session(12), SEARCHED))

    def test_huge_window(self) -> None:
        """A window too long to be told in milliseconds has no length."""
        for number in (1e300, 10**15):
            (line,) = self.told({**WEEKLY, "number": number})
            self.assertEqual(line, Progress("Weekly", 31, 100))

    def test_credits(self) -> None:
        """Newer accounts count credits instead of tokens."""
        five = {"type": "CREDIT_LIMIT", "unit": 3, "number": 5, "percentage": 0}
        week = {"type": "CREDIT_LIMIT", "unit": 6, "number": 1, "percentage": 98}
        self.assertEqual(self.told(five, week), (session(0), weekly(98)))

    def test_name(self) -> None:
        """The kind may be in `name`."""
        entry = {"name": "TOKENS_LIMIT", "unit": 3, "percentage": 1}
        self.assertEqual(self.told(entry), (session(1),))

    def test_percentage(self) -> None:
        """A share is kept within 0 and 100, and may be a text."""
        for told, used in ((150, 100), (-3, 0), (0, 0), (0.5, 0.5), ("10", 10)):
            self.assertEqual(self.told({**SESSION, "percentage": told}), (session(used),))

    def test_searches(self) -> None:
        """Without an end of their own searches are counted anew on the first of the next month."""
        entry = {**SEARCHES, "nextResetTime": None}
        december = datetime(2026, 12, 1, tzinfo=timezone.utc)
        for plan in (PLAN, 500):
            self.answer({"limits": [SESSION, entry]}, plan)
            self.assertEqual(self.probe().lines, (session(12), searches(december)))
        self.clock.rightNow = datetime(2026, 12, 31, 23, tzinfo=timezone.utc).timestamp()
        january = datetime(2027, 1, 1, tzinfo=timezone.utc)
        self.assertEqual(self.told(SESSION, entry)[-1], searches(january))

    def test_numeric_searches(self) -> None:
        """Searches that are told as texts are counted all the same."""
        entry = {**SEARCHES, "currentValue": "1095", "usage": "4000"}
        self.assertEqual(self.told(SESSION, entry), (session(12), SEARCHED))

    def test_no_searches(self) -> None:
        """A plan without searches has no such line."""
        entry = {**SEARCHES, "usage": 0, "currentValue": 0}
        self.assertEqual(self.told(SESSION, entry), (session(12),))

    def test_only_weekly(self) -> None:
        """A week without session is shown."""
        self.assertEqual(self.told(WEEKLY), (weekly(31),))

    def test_no_tokens(self) -> None:
        """Without a limit of tokens there is nothing to show but that."""
        self.assertEqual(self.told(), (NO_TOKENS,))
        self.assertEqual(self.told(SEARCHES), (NO_TOKENS,))

    def test_unknown(self) -> None:
        """Limits and windows that nobody knows are passed over, whatever is in them."""
        strangers = ({"type": "FUTURE_LIMIT", "percentage": None}, {**SESSION, "unit": 99})
        self.assertEqual(self.told(*strangers, SESSION), (session(12),))
        self.assertEqual(self.told(*strangers), (NO_DATA,))

    def test_malformed(self) -> None:
        """A known limit that cannot be read is an error, never a figure."""
        bare = {"type": "TIME_LIMIT", "usage": 5, "currentValue": 1}
        for entry in (
            {**SESSION, "percentage": None},
            {**SESSION, "percentage": True},
            {**SESSION, "percentage": "12%"},
            {**SESSION, "percentage": float("inf")},
            {**SESSION, "unit": True},
            {**SESSION, "unit": "hour"},
            {**SESSION, "number": 0},
            {**SESSION, "number": -5},
            {**SESSION, "number": True},
            {**bare, "currentValue": None},
            {**bare, "currentValue": -1},
            {**bare, "usage": None},
            {**bare, "usage": -1},
            "TOKENS_LIMIT",
            None,
        ):
            self.answer({"data": {"limits": [WEEKLY, entry]}})
            self.assertEqual(self.failure(UnexpectedResponseError), INVALID, entry)

    def test_kept(self) -> None:
        """Within a minute the same lines come out of what was kept, many limits or few."""
        for limits in ([SESSION, WEEKLY, SEARCHES], [], [{**SESSION, "unit": 99}] * 70 + [SESSION]):
            self.answer({"limits": limits})
            first = self.probe()
            self.clock.advance(59)
            self.assertEqual(self.probe(), first)
            self.clock.advance(-59)

    @settings(deadline=None, max_examples=100)
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Any JSON of roughly the shape makes a snapshot or a `ProbeError`."""
        numbers = st.integers() | st.floats() | st.sampled_from((0, 1, 3, 5, 6, 7))
        odd: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | st.text(max_size=9)
        keys = ("unit", "number", "percentage", "currentValue", "usage", "nextResetTime")
        kinds = st.sampled_from(("TOKENS_LIMIT", "CREDIT_LIMIT", "TIME_LIMIT", "FUTURE_LIMIT"))
        entry = st.fixed_dictionaries({"type": kinds | odd}, optional=dict.fromkeys(keys, odd))
        good = st.sampled_from((SESSION, WEEKLY, SEARCHES))
        limits = st.lists(entry | good | odd, max_size=4) | odd
        self.answer(
            {"data": {"limits": data.draw(limits)}},
            {"data": data.draw(st.lists(st.fixed_dictionaries({"productName": odd}), max_size=2))},
        )
        ended: list[object] = []

        self.start().addBoth(ended.append)

        (result,) = ended
        self.assertIsInstance(getattr(result, "value", result), (Snapshot, ProbeError))


class PlanTests(Case):
    """The name of the plan, which costs nothing but itself."""

    def test_name(self) -> None:
        """It is that of the first subscription."""
        for plan, name in (
            (PLAN, "GLM Coding Max"),
            ({"data": [{"productName": "GLM Coding Pro"}, {"productName": "x"}]}, "GLM Coding Pro"),
            ({"data": [{"productName": "  "}]}, None),
            ({"data": [{"productName": 5}]}, None),
            ({"data": [{}]}, None),
            ({"data": []}, None),
            ({"data": {"productName": "x"}}, None),
            (b"<html>", None),
            (b"[]", None),
            (401, None),
            (429, None),
            (500, None),
            (UnreachableError("refused"), None),
        ):
            self.answer({"limits": [SESSION]}, plan)
            snapshot = self.probe()
            self.assertEqual((snapshot.plan, snapshot.lines), (name, (session(12),)))


class RequestTests(Case):
    """What is sent, and what may come of it."""

    def test_sent(self) -> None:
        """The limits are asked for, then the plan, with the key and who we are."""
        self.answer({"limits": [SESSION]})
        self.probe()
        urls = [request.url for request in self.http.requests]
        self.assertEqual(urls, [SITE + QUOTA_PATH, SITE + PLAN_PATH])
        for request in self.http.requests:
            self.assertEqual(request.headers["authorization"], "Bearer zai-env")
            self.assertEqual(request.headers["accept"], "application/json")
            self.assertEqual(request.headers["user-agent"], "openusage/0")
            self.assertEqual(request.timeout, 10.0)

    def test_spaced(self) -> None:
        """Within a minute nothing is asked again, and the figures are as old as they are."""
        self.answer({"limits": [SESSION]})
        first = self.probe()
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.assertEqual(len(self.http.requests), 2)
        self.clock.advance(1)
        state = self.state
        self.answer({"limits": [WEEKLY]})
        self.state = state
        self.assertEqual(self.probe().fetched_at, NOW + timedelta(minutes=1))

    def test_trouble(self) -> None:
        """Each trouble is told, and the plan is not asked for any more."""
        offline, silent = UnreachableError("refused"), ProbeTimeoutError("no answer within 10 s")
        refused = "Z.ai API key invalid. Check your key at z.ai/manage-apikey/apikey-list."
        no_connection = "Usage request failed. Check your connection."
        for quota, kind, text in (
            (401, TokenExpiredError, refused),
            (403, TokenExpiredError, refused),
            (429, RateLimitedError, "Usage request rate limited. It is asked again later."),
            (
                500,
                UnexpectedResponseError,
                "Usage request failed (HTTP 500). Try again later.",
            ),
            (offline, UnreachableError, no_connection),
            (silent, ProbeTimeoutError, no_connection),
        ):
            self.http = FakeHttp()
            self.answer(quota)
            error = self.error(kind)
            self.assertIs(type(error), kind)
            self.assertEqual(str(error), text)
            self.assertEqual(len(self.http.requests), 1)

    def test_invalid(self) -> None:
        """A good answer without limits is an error."""
        bodies: list[Any] = [
            b"<html>",
            b"null",
            b"",
            b"5",
            [],
            [1],
            {},
            {"data": []},
            {"data": {}},
            {"data": {"limits": {}}},
            {"data": {"limits": None}},
            {"data": "text", "limits": [SESSION]},
            {"code": 500, "msg": "system busy", "success": False},
            {"code": 500, "msg": None, "success": False, "limits": [SESSION]},
        ]
        for body in bodies:
            self.answer(body)
            self.assertEqual(self.failure(UnexpectedResponseError), INVALID)

    def test_no_plan(self) -> None:
        """A key without coding plan is told so."""
        for msg in ("You have no active coding plan", "Coding Plan expired"):
            self.answer({"code": 500, "msg": msg, "success": False})
            text = self.failure(NotAvailableError)
            expected = "No active GLM Coding Plan. Subscribe at z.ai/subscribe to see usage."
            self.assertEqual(text, expected)
