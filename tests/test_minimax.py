"""Tests for `openusage.providers.minimax`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from openusage.model import (
    Count,
    Line,
    NotLoggedInError,
    Percent,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers import minimax
from openusage.providers.minimax import MiniMax
from openusage.testing import NOW, FakeHttp, MemoryState
from tests.probes import ProbeTestCase

KEY = "sk-cp-PLANTED"
TOKEN = "sk-cp-TOKEN"
CHINA_KEY = "sk-cp-CHINA"
GLOBAL = "https://www.minimax.io/v1/token_plan/remains"
CHINA = "https://api.minimaxi.com/v1/token_plan/remains"

EXPIRED = "Session expired. Check your MiniMax API key."
UNPARSED = "Could not parse usage data."
FIVE_HOURS = 18_000_000
WEEK = 604_800_000

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def utc(*parts: int) -> datetime:
    """An instant, in UTC."""
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]


def counted(total: object, left: object, **more: object) -> dict[str, object]:
    """A row that counts, as the service sends it."""
    return {
        "model_name": "MiniMax-M2",
        "current_interval_total_count": total,
        "current_interval_usage_count": left,
        **more,
    }


def shared(left: object, **more: object) -> dict[str, object]:
    """The general row of a plan that tells shares."""
    return {
        **counted(0, 0, current_interval_remaining_percent=left),
        "model_name": "general",
        **more,
    }


def told(*rows: object, **more: object) -> dict[str, object]:
    """A good answer with these rows."""
    return {"base_resp": {"status_code": 0}, "model_remains": list(rows), **more}


def prompts(used: float, limit: float, **more: Any) -> Progress:
    """A session in prompts."""
    return Progress("Session", used, limit, Count("prompts"), **more)


class MiniMaxTestCase(ProbeTestCase):
    """A person with keys in the environment, and the two services."""

    provider = MiniMax()

    def asked(self) -> list[tuple[str, str]]:
        """Address and key of every request that was made."""
        return [
            (request.url, request.headers["authorization"].removeprefix("Bearer "))
            for request in self.http.requests
        ]


class KeyTests(MiniMaxTestCase):
    """Which key is sent where, and in which order."""

    def test_missing(self) -> None:
        """Without a key nothing is asked, and the message names every variable."""
        for env in ({}, {"MINIMAX_API_KEY": "", "MINIMAX_API_TOKEN": " "}):
            message = self.failure(NotLoggedInError, env=env)
            self.assertTrue(
                message.startswith(
                    "MiniMax API key missing. Set MINIMAX_API_KEY or MINIMAX_CN_API_KEY."
                )
            )
            for name in ("MINIMAX_CODING_API_KEY", "MINIMAX_API_TOKEN"):
                self.assertIn(name, message)
            self.assertEqual(self.http.requests, [])
            self.assertIsNone(self.detected(env=env))

    def test_first(self) -> None:
        """The first variable with a key is used, for the service that it belongs to."""
        cases: tuple[tuple[dict[str, str], str, str, str], ...] = (
            ({"MINIMAX_API_KEY": KEY}, "MINIMAX_API_KEY", GLOBAL, KEY),
            ({"MINIMAX_API_KEY": f" {KEY}\n"}, "MINIMAX_API_KEY", GLOBAL, KEY),
            (
                {"MINIMAX_API_KEY": "", "MINIMAX_API_TOKEN": TOKEN},
                "MINIMAX_API_TOKEN",
                GLOBAL,
                TOKEN,
            ),
            (
                {"MINIMAX_API_KEY": "two words", "MINIMAX_API_TOKEN": TOKEN},
                "MINIMAX_API_TOKEN",
                GLOBAL,
                TOKEN,
            ),
            (
                {"MINIMAX_API_KEY": KEY, "MINIMAX_CODING_API_KEY": TOKEN},
                "MINIMAX_CODING_API_KEY",
                GLOBAL,
                TOKEN,
            ),
            (
                {"MINIMAX_API_KEY": KEY, "MINIMAX_CN_API_KEY": CHINA_KEY},
                "MINIMAX_CN_API_KEY",
                CHINA,
                CHINA_KEY,
            ),
            ({"MINIMAX_CN_API_KEY": CHINA_KEY}, "MINIMAX_CN_API_KEY", CHINA, CHINA_KEY),
        )
        for env, variable, url, key in cases:
            with self.subTest(env=env):
                self.http.requests.clear()
                self.state.values.clear()
                self.http.reply("GET", url, body=told(counted(300, 180), plan_name="Plus"))
                snapshot = self.probe(env=env)
                self.assertEqual(self.asked(), [(url, key)])
                region = "CN" if url == CHINA else "GLOBAL"
                self.assertEqual(snapshot.plan, f"Plus ({region})")
                self.assertEqual(self.detected(env=env), variable)

    def test_request(self) -> None:
        """One GET with the key, for JSON."""
        self.http.reply("GET", GLOBAL, body=told(counted(300, 180)))
        self.probe(env={"MINIMAX_API_KEY": KEY})
        (request,) = self.http.requests
        self.assertEqual(request.headers["authorization"], f"Bearer {KEY}")
        self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(request.headers["content-type"], "application/json")
        self.assertEqual(request.timeout, 15)
        self.assertIsNone(request.body)


class RegionTests(MiniMaxTestCase):
    """The two services, one after the other."""

    def test_other_region(self) -> None:
        """A key that the one service refuses is shown to the other, which counts in its own way."""
        self.http.reply("GET", GLOBAL, 401)
        self.http.reply("GET", CHINA, body=told(counted(1500, 1200), plan_name="Plus"))
        snapshot = self.probe(env={"MINIMAX_API_KEY": KEY})
        self.assertEqual(self.asked(), [(GLOBAL, KEY), (CHINA, KEY)])
        self.assertEqual(snapshot.plan, "Plus (CN)")
        self.assertEqual(snapshot.lines, (prompts(20, 100),))

    def test_china_first(self) -> None:
        """With a key for China that service is asked first, then the other with the other key."""
        self.http.reply("GET", CHINA, 503)
        self.http.reply("GET", GLOBAL, body=told(counted(300, 180)))
        env = {"MINIMAX_CN_API_KEY": CHINA_KEY, "MINIMAX_API_KEY": KEY}
        self.assertEqual(self.probe(env=env).plan, "Plus (GLOBAL)")
        self.assertEqual(self.asked(), [(CHINA, CHINA_KEY), (GLOBAL, KEY)])

    def test_unusable_then_good(self) -> None:
        """An answer with nothing in it, or with an error, sends us on to the other service too."""
        for body in (told(), {"base_resp": {"status_code": 1004}}, {"base_resp": 7}):
            with self.subTest(body=body):
                self.state.values.clear()
                self.http.reply("GET", GLOBAL, body=body)
                self.http.reply("GET", CHINA, body=told(shared(94)))
                self.assertIsNone(self.probe(env={"MINIMAX_API_KEY": KEY}).plan)

    def test_first_error(self) -> None:
        """When no service has an answer, what the first one said is told; each is asked once."""
        http_500 = "Request failed (HTTP 500). Try again later."
        http_503 = "Request failed (HTTP 503). Try again later."
        cases: tuple[tuple[tuple[int, Any], tuple[int, Any], type[ProbeError], str], ...] = (
            ((500, b""), (401, b""), UnexpectedResponseError, http_500),
            ((401, b""), (500, b""), TokenExpiredError, EXPIRED),
            ((401, b""), (401, b""), TokenExpiredError, EXPIRED),
            ((403, b"<html>"), (403, b"<html>"), TokenExpiredError, EXPIRED),
            ((503, b""), (503, b""), UnexpectedResponseError, http_503),
            ((200, b"not-json"), (200, b"not-json"), UnexpectedResponseError, UNPARSED),
        )
        for first, second, kind, message in cases:
            with self.subTest(first=first, second=second):
                self.http.requests.clear()
                self.state.values.clear()
                self.http.reply("GET", GLOBAL, *first)
                self.http.reply("GET", CHINA, *second)
                self.assertEqual(self.failure(kind, env={"MINIMAX_API_KEY": KEY}), message)
                self.assertEqual(len(self.http.requests), 2)

    def test_china_alone(self) -> None:
        """A key for China is shown to no other service."""
        self.http.reply("GET", CHINA, 401)
        env = {"MINIMAX_CN_API_KEY": CHINA_KEY}
        self.assertEqual(self.failure(TokenExpiredError, env=env), EXPIRED)
        self.assertEqual(self.asked(), [(CHINA, CHINA_KEY)])

    def test_no_connection(self) -> None:
        """No connection to either is told as that."""
        for error in (UnreachableError("refused"), ProbeTimeoutError("silence")):
            self.state.values.clear()
            self.http.fail("GET", GLOBAL, error)
            self.http.fail("GET", CHINA, error)
            message = self.failure(type(error), env={"MINIMAX_API_KEY": KEY})
            self.assertEqual(message, "Request failed. Check your connection.")

    def test_rate_limited(self) -> None:
        """A service that asks to be left alone is, even if the other one spoke first."""
        host = self.host(env={"MINIMAX_API_KEY": KEY})
        self.http.reply("GET", GLOBAL, 401)
        self.http.reply("GET", CHINA, 429, headers={"Retry-After": "600"})
        self.failure(RateLimitedError, host)
        self.clock.advance(599)
        self.failure(RateLimitedError, host)
        self.assertEqual(len(self.http.requests), 2)

    def test_spacing(self) -> None:
        """A second probe within a minute asks nobody and shows the same, resets included."""
        self.http.reply("GET", GLOBAL, body=told(counted(300, 180, remains_time=7200)))
        first = self.probe(env={"MINIMAX_API_KEY": KEY})
        self.clock.advance(30)
        self.assertEqual(self.probe(env={"MINIMAX_API_KEY": KEY}), first)
        self.assertEqual(len(self.http.requests), 1)


class AnswerTests(MiniMaxTestCase):
    """What an answer says."""

    def read(self, body: object, url: str = GLOBAL) -> tuple[str | None, list[Line]]:
        """Plan and lines of an answer of the service at `url`."""
        self.state.values.clear()
        env = {"MINIMAX_CN_API_KEY" if url == CHINA else "MINIMAX_API_KEY": KEY}
        self.http.reply("GET", url, body=body)  # type: ignore[arg-type]
        snapshot = self.probe(env=env)
        return snapshot.plan, list(snapshot.lines)

    def message(self, body: object, kind: type[ProbeError]) -> str:
        """The error that an answer of China's service, the only one asked, is."""
        self.state.values.clear()
        self.http.reply("GET", CHINA, body=body)  # type: ignore[arg-type]
        return self.failure(kind, env={"MINIMAX_CN_API_KEY": KEY})

    def test_counts(self) -> None:
        """Prompts used of those in the window, whichever way they are told."""
        named = {"plan_name": "Plus"}
        start, end = 1700000000000, 1700018000000
        reset = utc(2023, 11, 15, 3, 13, 20)
        in_two_hours = NOW + timedelta(hours=2)
        cases: tuple[tuple[object, str | None, Progress], ...] = (
            (
                told(counted(300, 180, start_time=start, end_time=end), **named),
                "Plus (GLOBAL)",
                prompts(120, 300, resets_at=reset, period_ms=FIVE_HOURS),
            ),
            (
                told(counted(300, 180, start_time=start // 1000, end_time=end // 1000), **named),
                "Plus (GLOBAL)",
                prompts(120, 300, resets_at=reset, period_ms=FIVE_HOURS),
            ),
            (told(counted(1500, 1500)), "Starter (GLOBAL)", prompts(0, 1500)),
            (told(counted(1500, 1200)), "Starter (GLOBAL)", prompts(300, 1500)),
            (told(counted(1337, 1000)), None, prompts(337, 1337)),
            (
                {
                    "data": {
                        "current_subscribe_title": "Max",
                        "model_remains": [counted(100, 40, remains_time=7200)],
                    },
                    "base_resp": {"status_code": "0"},
                },
                "Max (GLOBAL)",
                prompts(60, 100, resets_at=in_two_hours),
            ),
            (
                told(
                    counted(300, 0, current_interval_remaining_count=120),
                    plan_name="MiniMax Coding Plan Pro",
                ),
                "Pro (GLOBAL)",
                prompts(180, 300),
            ),
            (
                {
                    "modelRemains": [
                        None,
                        {
                            "currentIntervalTotalCount": "500",
                            "currentIntervalUsedCount": "123",
                            "remainsTime": 7200000,
                        },
                    ]
                },
                None,
                prompts(123, 500, resets_at=in_two_hours),
            ),
            (
                told(
                    {"current_interval_total_count": "300", "remainsCount": "120"},
                    plan="MiniMax Coding Plan: Team",
                ),
                "Team (GLOBAL)",
                prompts(180, 300),
            ),
            (told(counted(100, 0, used_count=-5)), "Starter (GLOBAL)", prompts(0, 100)),
            (told(counted(100, 0, used=500)), "Starter (GLOBAL)", prompts(100, 100)),
            (told(counted(100, 500)), "Starter (GLOBAL)", prompts(0, 100)),
            (
                told(counted(100, 40, start_time=end, end_time=start)),
                "Starter (GLOBAL)",
                prompts(60, 100, resets_at=utc(2023, 11, 14, 22, 13, 20)),
            ),
        )
        for body, plan, line in cases:
            with self.subTest(body=body):
                self.assertEqual(self.read(body), (plan, [line]))

    def test_aliases(self) -> None:
        """What is left, and what is used, has many names; the first one counts."""
        left = (
            *("current_interval_remaining_count", "currentIntervalRemainingCount"),
            *("current_interval_remains_count", "currentIntervalRemainsCount"),
            *("current_interval_remain_count", "currentIntervalRemainCount"),
            *("remaining_count", "remainingCount", "remains_count", "remainsCount"),
            *("remaining", "remains", "left_count", "leftCount"),
        )
        used = ("current_interval_used_count", "currentIntervalUsedCount", "used_count", "used")
        for names, expected in ((left, 90), (used, 10)):
            for index, name in enumerate(names):
                row = counted(100, 1, **{name: 10}, **dict.fromkeys(names[index + 1 :], 50))
                with self.subTest(name=name):
                    self.assertEqual(self.read(told(row))[1], [prompts(expected, 100)])

    def test_null_name(self) -> None:
        """A null in snake case does not hide what there is in camel case."""
        row = {"current_interval_total_count": None, "currentIntervalTotalCount": 100, "used": 7}
        self.assertEqual(self.read(told(row))[1], [prompts(7, 100)])

    def test_china(self) -> None:
        """In China 15 calls are a prompt, and plans are of other sizes."""
        for total, left, used, limit, plan in (
            (600, 500, 7, 40, "Starter (CN)"),
            (1500, 1200, 20, 100, "Plus (CN)"),
            (4500, 2700, 120, 300, "Max (CN)"),
            (9000, 6000, 200, 600, None),
        ):
            with self.subTest(total=total):
                expected = (plan, [prompts(used, limit)])
                self.assertEqual(self.read(told(counted(total, left)), CHINA), expected)

    def test_sizes(self) -> None:
        """Elsewhere a plan is known by its prompts or by its calls."""
        for total, plan in (
            *((100, "Starter"), (300, "Plus"), (1000, "Max"), (2000, "Ultra")),
            *((1500, "Starter"), (4500, "Plus"), (15000, "Max"), (30000, "Ultra")),
            *((299.6, "Plus"), (600, None)),
        ):
            with self.subTest(total=total):
                expected = None if plan is None else f"{plan} (GLOBAL)"
                self.assertEqual(self.read(told(counted(total, 0)))[0], expected)

    def test_shares(self) -> None:
        """A plan that tells shares is shown in percent, and is of no size."""
        june = utc(2026, 6, 1, 20)
        end = 1780344000000
        row = shared(87, start_time=end - FIVE_HOURS, end_time=end)
        expected = Progress("Session", 13, 100, Percent(), june, FIVE_HOURS)
        for url in (GLOBAL, CHINA):
            self.assertEqual(self.read(told(row), url), (None, [expected]))

    def test_rounding(self) -> None:
        """Shares are rounded half up; those that are none are not shares."""
        for left, used in ((12.5, 88), ("94", 6), (0, 100), (100, 0)):
            self.assertEqual(self.read(told(shared(left)))[1], [Progress("Session", used, 100)])
        for odd in (-1, 101, None, "many", True, [50]):
            with self.subTest(left=odd):
                self.message(told(shared(odd)), UnexpectedResponseError)

    def test_general_and_video(self) -> None:
        """In China the few videos make no prompt, so the general share is shown."""
        general = shared(94, end_time=1780297200000)
        video = {**counted(3, 3, current_interval_remaining_percent=100), "model_name": "video"}
        expected = Progress("Session", 6, 100, resets_at=utc(2026, 6, 1, 7))
        for rows in ((general, video), (video, general)):
            self.assertEqual(self.read(told(*rows), CHINA), (None, [expected]))

    def test_video_counts(self) -> None:
        """Elsewhere any count goes first, unless the general share is said to be in use.

        What is said to be no part of the plan is passed over.
        """
        video = {**counted(3, 3), "model_name": "video"}
        share = Progress("Session", 6, 100)
        for rows, line in (
            ((shared(94), video), prompts(0, 3)),
            ((shared(94, current_interval_status=1), video), share),
            ((shared(0, current_interval_status=2), video), Progress("Session", 100, 100)),
            ((shared(94), {**video, "current_interval_status": 3}), share),
            ((shared(94, current_interval_status=3),), share),
            ((shared(50), shared(94, model_name="MiniMax-M3")), Progress("Session", 50, 100)),
            (
                (shared(50, model_name="MiniMax-M3"), shared(94, model_name="MiniMax-M2")),
                Progress("Session", 50, 100),
            ),
            ((counted(100, 30, current_interval_status=1), shared(94)), prompts(70, 100)),
        ):
            with self.subTest(rows=rows):
                self.assertEqual(self.read(told(*rows))[1], [line])

    def test_cross_check(self) -> None:
        """Where only that fits the share, the count is what is used; else it is what is left."""
        for total, count, left, used in (
            (1500, 1200, 20, 1200),
            (1500, 1200, 80, 300),
            (1500, 1200, 50, 300),
            (100, 50, 50, 50),
            (3, 3, 100, 0),
            (3, 3, 0, 3),
            (1500, 1195, 20, 1195),
        ):
            row = counted(total, count, current_interval_remaining_percent=left)
            with self.subTest(row=row):
                self.assertEqual(self.read(told(row))[1], [prompts(used, total)])

    def test_rest(self) -> None:
        """What is left of the window is in seconds, unless no window is that long."""
        for rest, seconds in (
            (7200, 7200),
            (18600, 18600),
            (18601, 18.601),
            (300000, 300),
            (7200000, 7200),
            ("7200", 7200),
            (0, None),
            (-5, None),
            ("soon", None),
        ):
            with self.subTest(rest=rest):
                _, (line,) = self.read(told(counted(100, 40, remains_time=rest)))
                expected = None if seconds is None else NOW + timedelta(seconds=seconds)
                self.assertEqual(line, prompts(60, 100, resets_at=expected))

    def test_end_goes_first(self) -> None:
        """An end that is told goes before a rest; an end of 0 is none."""
        end = int((NOW + timedelta(hours=1)).timestamp())
        for given_end, hours in ((end, 1), (0, 2)):
            row = counted(100, 40, end_time=given_end, remains_time=7200)
            expected = prompts(60, 100, resets_at=NOW + timedelta(hours=hours))
            self.assertEqual(self.read(told(row))[1], [expected])

    def test_weekly(self) -> None:
        """The week is shown where the plan is said to limit it, and never changes the session."""
        start, end = NOW - timedelta(days=2), NOW + timedelta(days=5)
        times = {
            "weekly_start_time": int(start.timestamp() * 1000),
            "weekly_end_time": int(end.timestamp() * 1000),
        }
        session = Progress("Session", 100, 100)
        for more, weekly in (
            ({"current_weekly_remaining_percent": 100}, []),
            ({"current_weekly_remaining_percent": 100, "current_weekly_status": 3}, []),
            ({"current_weekly_status": 1}, []),
            (
                {"current_weekly_remaining_percent": 80, "current_weekly_status": 1, **times},
                [Progress("Weekly", 20, 100, resets_at=end, period_ms=WEEK)],
            ),
            (
                {"currentWeeklyRemainingPercent": "0", "currentWeeklyStatus": 2},
                [Progress("Weekly", 100, 100)],
            ),
            (
                {
                    "current_weekly_remaining_percent": 80,
                    "current_weekly_status": 1,
                    "weekly_remains_time": 5 * 86_400_000,
                },
                [Progress("Weekly", 20, 100, resets_at=end)],
            ),
        ):
            with self.subTest(more=more):
                self.assertEqual(self.read(told(shared(0, **more)))[1], [session, *weekly])

    def test_plan_names(self) -> None:
        """A plan has one of many names, from which the product's own is taken away."""
        for more, plan in (
            ({"current_subscribe_title": "MiniMax Coding Plan Plus"}, "Plus"),
            ({"plan_name": "MiniMax Coding Plan"}, "Coding Plan"),
            ({"plan_name": "minimax  coding plan - Team  Two "}, "Team Two"),
            ({"plan": "Max", "plan_name": " "}, "Max"),
            ({"current_plan_title": "A", "combo_title": "B"}, "A"),
            ({"combo_title": "B"}, "B"),
            ({"data": {"model_remains": [counted(7, 7)]}, "plan_name": "Outer"}, "Outer"),
            (
                {"data": {"model_remains": [counted(7, 7)], "plan": "In"}, "plan_name": "Out"},
                "In",
            ),
            ({"plan_name": 5}, None),
            ({"plan_name": "of ada@planted.example"}, "of [EMAIL]"),
        ):
            with self.subTest(more=more):
                expected = None if plan is None else f"{plan} (GLOBAL)"
                self.assertEqual(self.read(told(counted(7, 7), **more))[0], expected)

    def test_service_errors(self) -> None:
        """An error in an answer of status 200 is told, without anything secret in it."""
        cases: tuple[tuple[object, str, type[ProbeError], str], ...] = (
            (1004, "cookie is missing, log in again", TokenExpiredError, EXPIRED),
            (1004, "", TokenExpiredError, EXPIRED),
            ("1004", "", TokenExpiredError, EXPIRED),
            (5, "Please Log In", TokenExpiredError, EXPIRED),
            (5, "LOGIN required", TokenExpiredError, EXPIRED),
            (5, "no Cookie", TokenExpiredError, EXPIRED),
            (429, "", UnexpectedResponseError, "MiniMax API error (status 429)."),
            (1008, "quota gone", UnexpectedResponseError, "MiniMax API error: Quota gone."),
            (
                1008,
                "no plan for sk-api-PLANTED0123",
                UnexpectedResponseError,
                "MiniMax API error: No plan for sk-a...0123.",
            ),
        )
        for code, text, kind, message in cases:
            with self.subTest(code=code, text=text):
                status = {"status_code": code, "status_msg": text}
                body = told(counted(300, 180), base_resp=status)
                self.assertEqual(self.message(body, kind), message)
                inner = {"data": {"base_resp": status, "model_remains": [counted(300, 180)]}}
                self.assertEqual(self.message(inner, kind), message)

    def test_unusable(self) -> None:
        """An answer without a window that is known is none."""
        for body in (
            told(),
            told(None, counted(0, 0)),
            told({"current_interval_total_count": 300}),
            {"model_remains": {"x": counted(300, 180)}},
            {"model_remains": None},
            {},
            told(counted("many", 5)),
            told(counted(float("1e400"), 5)),
        ):
            with self.subTest(body=body):
                self.assertEqual(self.message(body, UnexpectedResponseError), UNPARSED)

    def test_lists(self) -> None:
        """The first list counts: the inner one before the outer, snake case before camel case."""
        inner, outer = [counted(100, 90)], [counted(100, 10)]
        for body, used in (
            ({"data": {"model_remains": inner}, "model_remains": outer}, 10),
            ({"data": {"modelRemains": inner}, "model_remains": outer}, 90),
            ({"data": {"modelRemains": inner}, "modelRemains": outer}, 10),
            ({"data": {}, "modelRemains": outer}, 90),
        ):
            self.assertEqual(self.read(body)[1], [prompts(used, 100)])

    def test_huge(self) -> None:
        """Absurd figures make a line or none, and never a crash."""
        for row in (
            counted(1e308, -1e308),
            counted(10**400, 5, used=3),
            counted(100, 50, start_time=-1e308, end_time=1e308, remains_time=1e308),
            shared(50, end_time=1e15, remains_time=1e300),
        ):
            with self.subTest(row=row):
                self.state.values.clear()
                self.http.reply("GET", CHINA, body=told(row))
                ended: list[Any] = []
                self.start(env={"MINIMAX_CN_API_KEY": KEY}).addBoth(ended.append)
                outcome = getattr(ended[0], "value", ended[0])
                self.assertIsInstance(outcome, (Snapshot, UnexpectedResponseError))


class AnyJsonTests(MiniMaxTestCase):
    """Answers and kept figures of any kind."""

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from(
                [
                    *(minimax._TOTAL, minimax._COUNT, minimax._SHARE, *minimax._USED),
                    *("model_name", "start_time", "end_time", "remains_time", "remaining"),
                    *("current_interval_status", "current_weekly_remaining_percent"),
                    *("current_weekly_status", "weekly_end_time", "weekly_remains_time"),
                ]
            ),
            JSON | st.integers(0, 2000),
        ),
        st.dictionaries(st.sampled_from(["base_resp", "data", "plan_name", "plan"]), JSON),
    )
    def test_answers(self, row: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        """Any answer of roughly the shape is a snapshot or an error of our own."""
        http = FakeHttp()
        body = {**told(row), **more}
        http.reply("GET", CHINA, body=body)
        host = self.host(http=http, state=MemoryState(), env={"MINIMAX_CN_API_KEY": KEY})
        ended: list[Any] = []
        self.start(host).addBoth(ended.append)
        outcome = getattr(ended[0], "value", ended[0])
        self.assertIsInstance(outcome, (Snapshot, ProbeError), repr(body))

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from(["session", "weekly", "plan"]),
            JSON | st.dictionaries(st.sampled_from([*minimax._WINDOW]), JSON),
        )
    )
    def test_kept(self, body: Mapping[str, Any]) -> None:
        """Whatever JSON is kept makes lines, or none."""
        for line in minimax._lines(body, NOW):
            self.assertIsInstance(line, Progress)
