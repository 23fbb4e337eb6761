"""Tests for `openusage.providers.kiro`: its sources, what they tell, and what is asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import (
    Badge,
    Count,
    Line,
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.kiro import Kiro, local
from openusage.providers.kiro.usage import FIGURES, figures, usage_lines
from openusage.testing import clock_at
from tests.probes import ProbeTestCase

NOW = datetime(2026, 2, 2, tzinfo=timezone.utc)
RESET = datetime(2026, 3, 1, tzinfo=timezone.utc)
TRIAL_END = datetime(2026, 2, 20, 8, tzinfo=timezone.utc)
ACCESS, REFRESH = "aoa-PLANTED-access", "aor-PLANTED-refresh"
ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/PLANTED"
LIVE = "https://q.us-east-1.amazonaws.com/getUsageLimits?"
ASKED_ARN = "arn%3Aaws%3Acodewhisperer%3Aus-east-1%3A123456789012%3Aprofile%2FPLANTED"

TOKEN_FILE = ".aws/sso/cache/kiro-auth-token.json"
BASE = ".config/Kiro"
UNAVAILABLE = "Kiro usage data unavailable. Open the Kiro account dashboard once and try again."
EXPIRED = "Kiro session expired. Open Kiro and sign in again."

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def login(**more: object) -> dict[str, object]:
    """What the app stores of a social login that is still good."""
    return {
        "accessToken": ACCESS,
        "refreshToken": REFRESH,
        "expiresAt": "2026-02-02T06:00:00.000Z",
        "provider": "Google",
        "authMethod": "social",
        "profileArn": ARN,
        **more,
    }


def kept(used: float = 0, limit: float = 50, **more: object) -> dict[str, object]:
    """One of the breakdowns that the app keeps."""
    return {
        "type": "CREDIT",
        "currentUsage": used,
        "usageLimit": limit,
        "resetDate": "2026-03-01T00:00:00.000Z",
        "freeTrialUsage": {
            "currentUsage": 106.11,
            "usageLimit": 500,
            "expiryDate": "2026-02-20T08:00:00.000Z",
        },
        **more,
    }


def breakdown(used: float = 0, limit: float = 50, **more: object) -> dict[str, object]:
    """One breakdown of an answer."""
    return {
        "resourceType": "CREDIT",
        "currentUsage": int(used),
        "currentUsageWithPrecision": used,
        "usageLimit": limit,
        "nextDateReset": "2026-03-01T00:00:00.000Z",
        **more,
    }


def answered(*breakdowns: object, **more: object) -> dict[str, object]:
    """An answer of the service."""
    return {
        "usageBreakdownList": list(breakdowns),
        "subscriptionInfo": {"subscriptionTitle": "KIRO FREE"},
        "overageConfiguration": {"overageStatus": "DISABLED"},
        **more,
    }


def credit(used: float, limit: float) -> Progress:
    """The line of the plan's own credits."""
    return Progress("Credits", used, limit, Count("credits"), RESET)


def bonus(used: float, limit: float, ends_at: datetime | None = TRIAL_END) -> Progress:
    """The line of the credits beside them."""
    return Progress("Bonus Credits", used, limit, Count("credits"), ends_at)


DISABLED = Badge("Overages", "Disabled")


class KiroTestCase(ProbeTestCase):
    """A person's home folder, with what the app keeps in it, and Kiro's service."""

    provider = Kiro()

    def setUp(self) -> None:
        super().setUp()
        self.clock = clock_at(NOW)

    def sign_in(self, **more: object) -> None:
        self.write(TOKEN_FILE, json.dumps(login(**more), indent=2))

    def keep(self, state: object, base: str = BASE) -> None:
        """Put `state` into the app's database as what its status bar shows."""
        value = json.dumps({"kiro.resourceNotifications.usageState": state})
        self.keep_text(value, base)

    def keep_text(self, value: object, base: str = BASE) -> None:
        path = self.write(f"{base}/User/globalStorage/state.vscdb", b"")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE, value BLOB)")
            connection.execute("INSERT INTO ItemTable VALUES ('kiro.kiroAgent', ?)", (value,))

    def keep_age(self, minutes: float, *breakdowns: object, base: str = BASE) -> None:
        """Keep breakdowns that are so many minutes old."""
        timestamp = int((NOW - timedelta(minutes=minutes)).timestamp() * 1000)
        self.keep({"timestamp": timestamp, "usageBreakdowns": list(breakdowns)}, base)

    def log(
        self,
        *lines: object,
        start: str = "20260201T220000",
        window: str = "window1",
        base: str = BASE,
    ) -> None:
        """Write lines to one of the app's logs; what is no text is an answer of the service."""
        texts = [line if isinstance(line, str) else log_line(line) for line in lines]
        path = f"{base}/logs/{start}/{window}/exthost/kiro.kiroAgent/q-client.log"
        self.write(path, "\n".join(texts) + "\n")


def log_line(output: object, time: str = "2026-02-01 23:57:00.250") -> str:
    """One answer of the service, as the app logs it."""
    logged = {"clientName": "Q", "commandName": "GetUsageLimitsCommand", "output": output}
    return f"{time} [info] {json.dumps(logged, separators=(',', ':'))}"


class MergeTests(KiroTestCase):
    """What is shown of what the app keeps, what it logged, and what the service tells."""

    def setUp(self) -> None:
        super().setUp()
        self.sign_in()

    def live(self, body: object = b"", status: int = 200) -> None:
        self.http.reply("GET", LIVE, status, body)  # type: ignore[arg-type]

    def test_local_suffices(self) -> None:
        """With new figures and a logged plan nobody is asked; the app's own figures go first."""
        self.keep_age(2, kept(0, 50))
        trial = {"currentUsage": 99.5, "usageLimit": 500, "freeTrialStatus": "ACTIVE"}
        self.log(answered(breakdown(1, 50, freeTrialInfo=trial)))

        snapshot = self.probe()

        self.assertEqual(self.http.requests, [])
        self.assertEqual(snapshot.plan, "Kiro Free")
        self.assertEqual(snapshot.lines, (credit(0, 50), bonus(106.11, 500), DISABLED))
        self.assertEqual(snapshot.fetched_at, NOW - timedelta(minutes=2))

    def test_log_alone(self) -> None:
        """Without the database the service is asked once, and in vain: the log is shown."""
        trial = {
            "currentUsage": 106,
            "currentUsageWithPrecision": 106.11,
            "usageLimit": 500,
            "freeTrialStatus": "ACTIVE",
            "freeTrialExpiry": "2026-02-20T08:00:00.000Z",
        }
        self.log(answered(breakdown(0, 50, freeTrialInfo=trial)))
        self.live(status=503)
        host = self.host(zone=timezone(timedelta(hours=2)))

        snapshot = self.probe(host)

        self.assertEqual(len(self.http.requests), 1)
        self.assertEqual(snapshot.plan, "Kiro Free")
        self.assertEqual(snapshot.lines, (credit(0, 50), bonus(106.11, 500), DISABLED))
        # The log is in local time, and a snapshot tells whole seconds.
        self.assertEqual(snapshot.fetched_at, datetime(2026, 2, 1, 21, 57, tzinfo=timezone.utc))
        self.assertEqual(host.visit.notes, [UNAVAILABLE])

    def test_old_database(self) -> None:
        """Old figures of the app are shown, as old as they are, when the service fails."""
        self.keep_age(30, kept(0, 50))
        self.live(status=503)
        snapshot = self.probe()
        self.assertIsNone(snapshot.plan)
        self.assertEqual(snapshot.lines, (credit(0, 50), bonus(106.11, 500)))
        self.assertEqual(snapshot.fetched_at, NOW - timedelta(minutes=30))

    def test_when_asked(self) -> None:
        """The service is asked when a source is missing or old, or knows no plan."""
        planned = answered(breakdown(7))
        unplanned = {"usageBreakdownList": [breakdown(7)]}
        for age, logged, asked in (
            (15.0, planned, False),
            (15.1, planned, True),
            (2.0, unplanned, True),
            (2.0, None, True),
            (None, planned, True),
            (-2.0, planned, False),
            (-60.0, planned, True),
        ):
            with self.subTest(age=age, logged=logged):
                self.setUp()
                if age is not None:
                    self.keep_age(age, kept(5))
                if logged is not None:
                    self.log(logged)
                if asked:
                    self.live(answered(breakdown(20), overageConfiguration=None))
                snapshot = self.probe()
                self.assertEqual(len(self.http.requests), int(asked))
                line = snapshot.lines[0]
                assert isinstance(line, Progress)
                self.assertEqual(line.used, 20 if asked else 5)
                self.assertLessEqual(snapshot.fetched_at, NOW)

    def test_no_timestamp(self) -> None:
        """Figures that do not say how old they are make us ask; in vain, that is remarked."""
        self.keep({"usageBreakdowns": [kept(5)]})
        self.log(answered(breakdown(7)))
        self.live(answered(breakdown(20)))
        self.assertEqual(self.probe().lines[0], credit(20, 50))

        self.state.values.clear()
        self.live(status=500)
        host = self.host()
        self.assertEqual(self.probe(host).lines[0], credit(5, 50))
        self.assertIn("Kiro does not say how old its figures are.", host.visit.notes)

    def test_plan_without_credits(self) -> None:
        """An answer without breakdowns gives plan and overage to the app's figures."""
        self.keep_age(2, kept(0, 50))
        nothing: tuple[object, ...] = ([], None, "none")
        for told in nothing:
            with self.subTest(told=told):
                self.state.values.clear()
                overage = {"overageStatus": "ENABLED"}
                self.live({**answered(overageConfiguration=overage), "usageBreakdownList": told})
                snapshot = self.probe()
                self.assertEqual(snapshot.plan, "Kiro Free")
                self.assertEqual(
                    snapshot.lines,
                    (credit(0, 50), bonus(106.11, 500), Badge("Overages", "Enabled")),
                )
                self.assertEqual(snapshot.fetched_at, NOW - timedelta(minutes=2))

    def test_live_goes_first(self) -> None:
        """What the service tells goes before what the log tells, which fills in."""
        self.log(answered(breakdown(1), subscriptionInfo={"subscriptionTitle": "KIRO PRO+"}))
        self.live({"usageBreakdownList": [breakdown(9)]})
        snapshot = self.probe()
        self.assertEqual(snapshot.plan, "Kiro Pro+")
        self.assertEqual(snapshot.lines, (credit(9, 50), DISABLED))
        self.assertEqual(snapshot.fetched_at, NOW)

    def test_newest_plan(self) -> None:
        """The plan and the overage that the service tells go before those that were logged."""
        self.log(answered(breakdown(1)))
        overage = {"overageStatus": "ENABLED"}
        plan = {"subscriptionTitle": "KIRO PRO"}
        self.live(answered(breakdown(9), subscriptionInfo=plan, overageConfiguration=overage))
        snapshot = self.probe()
        self.assertEqual(snapshot.plan, "Kiro Pro")
        self.assertEqual(snapshot.lines, (credit(9, 50), Badge("Overages", "Enabled")))

    def test_ended(self) -> None:
        """Figures of a month that is over are not shown as those of the present one.

        Neither is a trial that has ended since.
        """
        over = {"resetDate": "2026-02-01T00:00:00.000Z"}
        self.keep_age(3 * 24 * 60, kept(49, 50, **over))
        self.live(status=500)
        self.assertEqual(self.failure(UnexpectedResponseError), UNAVAILABLE)

        ended = {"currentUsage": 1, "usageLimit": 2, "expiryDate": "2026-02-01T12:00:00Z"}
        self.state.values.clear()
        self.keep_age(24 * 60, kept(49, 50, freeTrialUsage=ended))
        self.live(status=500)
        self.assertEqual(self.probe().lines, (credit(49, 50),))

    def test_broken_sources(self) -> None:
        """A database or log that cannot be read is as good as none."""
        self.write(f"{BASE}/User/globalStorage/state.vscdb", b"no database")
        self.write(f"{BASE}/logs", "no folder")
        self.live(answered(breakdown(9)))
        self.assertEqual(self.probe().lines, (credit(9, 50), DISABLED))

    def test_odd_items(self) -> None:
        """Whatever the app's item is, it is figures or nothing."""
        blob = json.dumps(
            {
                "kiro.resourceNotifications.usageState": {
                    "timestamp": int(NOW.timestamp() * 1000),
                    "usageBreakdowns": [kept(3)],
                }
            }
        ).encode()
        for value, shown in (
            ("{half", 9),
            ("[1]", 9),
            (7, 9),
            (None, 9),
            ("[" * 100_000, 9),
            ('{"kiro.resourceNotifications.usageState": 5}', 9),
            (blob, 3),
        ):
            with self.subTest(value=str(value)[:40]):
                self.http.requests.clear()
                self.state.values.clear()
                self.log(answered(breakdown(1)))
                self.keep_text(value)
                if shown == 9:
                    self.live(answered(breakdown(9)))
                self.assertEqual(self.probe().lines[0], credit(shown, 50))

    def test_platforms(self) -> None:
        """The app keeps its data where each system has it."""
        for platform, base, env in (
            ("linux", ".config/Kiro", {}),
            ("linux", "config/Kiro", {"XDG_CONFIG_HOME": "config"}),
            ("darwin", "Library/Application Support/Kiro", {}),
            ("win32", "AppData/Roaming/Kiro", {}),
        ):
            with self.subTest(platform=platform, base=base):
                self.setUp()
                self.keep_age(2, kept(5), base=base)
                self.log(answered(breakdown(1)), base=base)
                env = {name: str(self.home / path) for name, path in env.items()}
                snapshot = self.probe(platform=platform, env=env)
                self.assertEqual(snapshot.lines[0], credit(5, 50))


class LogTests(KiroTestCase):
    """The app's logs."""

    def setUp(self) -> None:
        super().setUp()
        self.sign_in(profileArn=None)  # without a profile nobody can be asked

    def shown(self) -> float | None:
        """What the log tells is used, if it tells anything."""
        ended: list[Any] = []
        self.start().addBoth(ended.append)
        (outcome,) = ended
        if not isinstance(outcome, Snapshot):
            self.assertIsInstance(outcome.value, NotAvailableError)
            return None
        line = outcome.lines[0]
        assert isinstance(line, Progress)
        return line.used

    def test_last_line(self) -> None:
        """The last whole answer of a log counts; other lines are passed over."""
        other = '2026-02-01 23:59:00.000 [info] {"commandName":"ListModels","output":{}}'
        no_output = '2026-02-01 23:59:00.000 [info] {"commandName":"GetUsageLimitsCommand"}'
        half = log_line(answered(breakdown(4)))[:-9]
        self.log(answered(breakdown(2)), answered(breakdown(3)), half, no_output, other, "")
        self.assertEqual(self.shown(), 3)

    def test_newest_log(self) -> None:
        """The newest start of the app goes first, and in it the newest window."""
        self.log(answered(breakdown(1)), start="20260101T000000")
        self.log(answered(breakdown(2)), start="20260201T000000", window="window1")
        self.log(answered(breakdown(3)), start="20260201T000000", window="window2")
        self.assertEqual(self.shown(), 3)
        self.log("nothing", start="20260201T000000", window="window2")
        self.assertEqual(self.shown(), 2)
        self.log("nothing", start="20260201T000000", window="window1")
        self.assertEqual(self.shown(), 1)

    def test_few_logs(self) -> None:
        """Only the newest twelve starts are looked at."""
        self.log(answered(breakdown(1)), start="20260101T000000")
        for day in range(11):
            self.log("nothing", start=f"20260102T00000{day:02}")
        self.assertEqual(self.shown(), 1)
        self.log("nothing", start="20260103T000000")
        self.assertIsNone(self.shown())

    def test_tail(self) -> None:
        """Of a long log only the end is read, where half a line tells nothing."""
        long_text = "x" * local._TAIL
        self.log(answered(breakdown(1)), long_text)
        self.assertIsNone(self.shown())
        self.log(long_text, answered(breakdown(2)))
        self.assertEqual(self.shown(), 2)
        padded = answered(breakdown(3), padding="x" * local._TAIL)
        self.log(answered(breakdown(1)), padded)
        self.assertIsNone(self.shown())

    def test_time(self) -> None:
        """A line without a time is of unknown age, and one of the future is of now."""
        for time, fetched_at in (
            ("2026-02-01 23:57:00.250", NOW - timedelta(minutes=3)),
            ("2026-02-01T23:57", NOW),
            ("2026-02-31 23:57:00.250", NOW),
            ("2026-03-01 00:00:00.000", NOW),
        ):
            self.log(log_line(answered(breakdown(1)), time))
            self.assertEqual(self.probe().fetched_at, fetched_at)

    def test_nothing(self) -> None:
        """Folders and other things in the place of a log are none."""
        path = f"{BASE}/logs/20260201T000000/window1/exthost/kiro.kiroAgent/q-client.log/x"
        self.write(path, "x")
        self.write(f"{BASE}/logs/file", "x")
        self.assertIsNone(self.shown())


class FiguresTests(SynchronousTestCase):
    """`figures` and `usage_lines`."""

    def lines(self, told: Mapping[str, Any]) -> list[Line]:
        return [*usage_lines(figures(told) or {})]

    def test_entries(self) -> None:
        """The first entry of credits counts, else the first that can be used."""
        agent = breakdown(1, resourceType="AGENTIC_REQUEST")
        for entries, used in (
            ([agent, breakdown(2)], 2),
            ([agent, breakdown(2), breakdown(3)], 2),
            ([agent], 1),
            ([breakdown(2, limit=0), agent], 1),
            ([breakdown(2, limit=-5), breakdown(3)], 3),
            ([None, "x", breakdown(3)], 3),
            ([{**breakdown(4), "resourceType": None, "type": "CREDIT"}, breakdown(5)], 4),
        ):
            with self.subTest(entries=entries):
                told = {"usageBreakdownList": entries}
                self.assertEqual(self.lines(told), [credit(used, 50)])

    def test_amounts(self) -> None:
        """Precise amounts go first; amounts may be texts; what is unknown or wrong is no line."""
        for amounts, line in (
            ({"currentUsage": 12, "currentUsageWithPrecision": 12.5}, credit(12.5, 50)),
            ({"currentUsage": "12", "currentUsageWithPrecision": " "}, credit(12, 50)),
            ({"currentUsage": 12, "usageLimitWithPrecision": "99.5"}, credit(12, 99.5)),
            ({"currentUsage": 70}, credit(70, 50)),
            ({"currentUsage": None}, None),
            ({"currentUsage": ""}, None),
            ({"currentUsage": -1}, None),
            ({"currentUsage": True}, None),
            ({"currentUsage": 10**400}, None),
            ({"currentUsage": 1, "usageLimit": "none"}, None),
        ):
            with self.subTest(amounts=amounts):
                entry = {"type": "CREDIT", "usageLimit": 50, "resetDate": "2026-03-01", **amounts}
                expected = [] if line is None else [line]
                self.assertEqual(self.lines({"usageBreakdowns": [entry]}), expected)

    def test_resets(self) -> None:
        """A reset is a date or Unix seconds, by either name, or unknown."""
        for resets in (
            {"nextDateReset": "2026-03-01T00:00:00.000Z"},
            {"nextDateReset": 1772323200},
            {"nextDateReset": 1.7723232e9},
            {"nextDateReset": None, "resetDate": "2026-03-01T00:00:00Z"},
            {"nextDateReset": "soon", "resetDate": "1772323200"},
        ):
            with self.subTest(resets=resets):
                entry = {**breakdown(1), "nextDateReset": None, **resets}
                self.assertEqual(self.lines({"usageBreakdownList": [entry]}), [credit(1, 50)])
        (line,) = self.lines({"usageBreakdownList": [{**breakdown(1), "nextDateReset": "soon"}]})
        assert isinstance(line, Progress)
        self.assertIsNone(line.resets_at)

    def test_bonus(self) -> None:
        """A trial that runs goes before any other bonus that is there."""
        expiry = "2026-02-20T08:00:00.000Z"
        trial = {"currentUsage": 4, "usageLimit": 300, "freeTrialExpiry": expiry}
        other = {"currentUsage": 1, "usageLimit": 10, "expiresAt": expiry}
        old = {"currentUsage": 5, "usageLimit": 500, "expiryDate": expiry}
        for more, line in (
            ({"freeTrialInfo": trial}, bonus(4, 300)),
            ({"freeTrialInfo": {**trial, "freeTrialStatus": "ACTIVE"}}, bonus(4, 300)),
            ({"freeTrialInfo": {**trial, "freeTrialStatus": "EXPIRED"}}, None),
            (
                {"freeTrialInfo": {**trial, "freeTrialStatus": "EXPIRED"}, "bonuses": [other]},
                bonus(1, 10),
            ),
            ({"freeTrialInfo": {**trial, "usageLimit": 0}}, None),
            ({"freeTrialInfo": {**trial, "usageLimit": 0}, "bonuses": [other]}, bonus(1, 10)),
            ({"freeTrialInfo": trial, "freeTrialUsage": old, "bonuses": [other]}, bonus(4, 300)),
            ({"freeTrialInfo": None, "freeTrialUsage": old}, bonus(5, 500)),
            ({"bonuses": [{**other, "status": "EXHAUSTED"}]}, bonus(1, 10)),
            ({"bonuses": [{**other, "status": "EXPIRED"}]}, None),
            ({"bonuses": [{**other, "status": "EXPIRED"}, old]}, bonus(5, 500)),
            ({"bonuses": [None, {"status": "ACTIVE"}, other]}, bonus(1, 10)),
            ({"bonuses": [{**other, "expiresAt": None}]}, bonus(1, 10, None)),
            ({"bonuses": "none"}, None),
        ):
            with self.subTest(more=more):
                expected = [credit(9, 50), *([] if line is None else [line])]
                told = {"usageBreakdownList": [breakdown(9, **more)]}
                self.assertEqual(self.lines(told), expected)

    def test_overage(self) -> None:
        """Whether overage is allowed is shown where it is known."""
        for configuration, text in (
            ({"overageStatus": "ENABLED"}, "Enabled"),
            ({"overageStatus": "DISABLED"}, "Disabled"),
            ({}, "Disabled"),
            (None, None),
            ("ENABLED", None),
        ):
            told = {"overageConfiguration": configuration}
            expected = [] if text is None else [Badge("Overages", text)]
            self.assertEqual(self.lines(told), expected)

    def test_plan(self) -> None:
        """A plan is written as a name; what is none is unknown."""
        for title, plan in (
            ("KIRO FREE", "Kiro Free"),
            (" kiro  pro+ ", "Kiro Pro+"),
            ("", None),
            (5, None),
        ):
            told = {"subscriptionInfo": {"subscriptionTitle": title}}
            self.assertEqual((figures(told) or {}).get("plan"), plan)

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from(
                [
                    *("resourceType", "currentUsage", "usageLimit", "usageLimitWithPrecision"),
                    *("nextDateReset", "freeTrialInfo", "freeTrialUsage", "bonuses"),
                ]
            ),
            JSON
            | st.integers(0, 100)
            | st.lists(st.dictionaries(st.sampled_from(["currentUsage", "usageLimit"]), JSON)),
        ),
        st.dictionaries(
            st.sampled_from(
                ["usageBreakdowns", "subscriptionInfo", "overageConfiguration", "timestamp"]
            ),
            JSON,
        ),
    )
    def test_any_answer(self, entry: Mapping[str, Any], more: Mapping[str, Any]) -> None:
        """Any answer of roughly the shape makes lines, or none."""
        self.lines({"usageBreakdownList": [entry], **more})

    @settings(deadline=None, max_examples=100)
    @given(
        st.dictionaries(
            st.sampled_from([*FIGURES]),
            JSON | st.dictionaries(st.sampled_from(["used", "limit", "endsAt"]), JSON),
        )
    )
    def test_any_kept(self, body: Mapping[str, Any]) -> None:
        """So does whatever is kept of one."""
        for line in usage_lines(body):
            self.assertIn(line.label, ("Credits", "Bonus Credits", "Overages"))


class RequestTests(KiroTestCase):
    """What the service is asked, and what may come of it."""

    def request_of(self, url: str = LIVE, **more: object) -> Mapping[str, str]:
        """The headers of what is asked with such a login, at an address that begins with `url`."""
        self.sign_in(**more)
        self.state.values.clear()
        self.http.reply("GET", url, body=answered(breakdown(9)))
        self.probe()
        return self.http.requests[-1].headers

    def test_request(self) -> None:
        """One GET that names the profile, with the token and who asks."""
        headers = self.request_of()
        (request,) = self.http.requests
        self.assertEqual(
            request.url,
            f"{LIVE}origin=AI_EDITOR&profileArn={ASKED_ARN}&resourceType=AGENTIC_REQUEST",
        )
        self.assertEqual(headers["authorization"], f"Bearer {ACCESS}")
        self.assertEqual(headers["accept"], "application/json")
        self.assertEqual(headers["user-agent"], "openusage/0")
        self.assertNotIn("tokentype", headers)
        self.assertNotIn("redirect-for-internal", headers)
        self.assertEqual(request.timeout, 15)

    def test_kinds(self) -> None:
        """Some kinds of sign-in say which they are; the provider goes before the stored method."""
        for more, token_type, internal in (
            ({"provider": "ExternalIdp", "authMethod": "social"}, "EXTERNAL_IDP", None),
            ({"provider": None, "authMethod": "external_idp"}, "EXTERNAL_IDP", None),
            ({"provider": "Google", "authMethod": "external_idp"}, None, None),
            ({"provider": "Internal"}, None, "true"),
            ({"provider": "Enterprise"}, None, None),
        ):
            with self.subTest(more=more):
                headers = self.request_of(**more)
                self.assertEqual(headers.get("tokentype"), token_type)
                self.assertEqual(headers.get("redirect-for-internal"), internal)

    def test_profile_file(self) -> None:
        """Without a profile in the token file the app's own data names it."""
        path = f"{BASE}/User/globalStorage/kiro.kiroagent/profile.json"
        self.write(path, {"arn": f" {ARN} ", "name": "x"})
        headers = self.request_of(profileArn="", provider="ExternalIdp")
        self.assertIn(f"profileArn={ASKED_ARN}&", self.http.requests[-1].url)
        self.assertEqual(headers["tokentype"], "EXTERNAL_IDP")

    def test_regions(self) -> None:
        """The region of the profile is asked; what is no region is never part of an address."""
        for arn, region in (
            ("arn:aws:codewhisperer:eu-central-1:1:profile/x", "eu-central-1"),
            ("arn:aws:codewhisperer::1:profile/x", "us-east-1"),
            ("nothing", "us-east-1"),
            ("arn:aws:codewhisperer:evil.example/:1:profile/x", "us-east-1"),
            ("arn:aws:codewhisperer:a b\n:1:profile/x", "us-east-1"),
        ):
            with self.subTest(arn=arn):
                url = f"https://q.{region}.amazonaws.com/getUsageLimits?"
                self.request_of(url, profileArn=arn)

    def test_builder_id(self) -> None:
        """A Builder ID needs no profile, of which it has but one."""
        self.request_of(provider="BuilderId", profileArn=None)
        self.assertEqual(
            self.http.requests[-1].url, f"{LIVE}origin=AI_EDITOR&resourceType=AGENTIC_REQUEST"
        )

    def test_no_profile(self) -> None:
        """Other sign-ins without a profile ask nobody."""
        self.sign_in(profileArn=None)
        self.assertEqual(self.failure(NotAvailableError), UNAVAILABLE)
        self.assertEqual(self.http.requests, [])

    def test_troubles(self) -> None:
        """With nothing else to show, each trouble is an error of its class."""
        self.sign_in()
        cases: tuple[tuple[int, Any, type[ProbeError], str], ...] = (
            (401, b"", TokenExpiredError, EXPIRED),
            (403, b"", TokenExpiredError, EXPIRED),
            (429, b"", RateLimitedError, "rate limited"),
            (503, b"", UnexpectedResponseError, UNAVAILABLE),
            (200, b"no json", UnexpectedResponseError, UNAVAILABLE),
            (200, {"message": "x"}, UnexpectedResponseError, UNAVAILABLE),
            (200, answered(), NotAvailableError, UNAVAILABLE),
        )
        for status, body, kind, message in cases:
            with self.subTest(status=status, body=body):
                self.state.values.clear()
                self.http.reply("GET", LIVE, status, body)
                self.assertIn(message, self.failure(kind))
        self.state.values.clear()
        self.http.fail("GET", LIVE, UnreachableError("refused"))
        self.assertEqual(self.failure(UnreachableError), UNAVAILABLE)

    def test_hidden(self) -> None:
        """Whatever comes of the request, the app's figures are shown, and why is remarked."""
        self.sign_in()
        self.keep_age(30, kept(5))
        for status, remark in ((401, EXPIRED), (500, UNAVAILABLE)):
            with self.subTest(status=status):
                self.state.values.clear()
                self.http.reply("GET", LIVE, status)
                host = self.host()
                self.assertEqual(self.probe(host).lines[0], credit(5, 50))
                self.assertEqual(host.visit.notes, [remark])

    def test_spacing(self) -> None:
        """The service is asked once a minute at most, while the app's files are read anew."""
        self.sign_in()
        self.http.reply("GET", LIVE, body=answered(breakdown(9)))
        first = self.probe()
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.keep_age(-0.5, kept(3))
        self.log(answered(breakdown(1)))
        self.assertEqual(self.probe().lines[0], credit(3, 50))
        self.assertEqual(len(self.http.requests), 1)
        self.assertNotIn("PLANTED", repr(self.state.values))


class NoLoginTests(KiroTestCase):
    """Without a login of the app, or of the CLI."""

    def test_nothing(self) -> None:
        """The message says where was looked, and nothing is asked, whatever the app kept."""
        self.keep_age(2, kept(5))
        for stored, reason in (
            (None, f"~/{TOKEN_FILE} was not found"),
            ("{half", f"~/{TOKEN_FILE} is no JSON object"),
            ("[]", f"~/{TOKEN_FILE} is no JSON object"),
            (json.dumps(login(refreshToken="")), f"~/{TOKEN_FILE} has no refreshToken"),
            (json.dumps(login(refreshToken=None)), f"~/{TOKEN_FILE} has no refreshToken"),
        ):
            with self.subTest(stored=stored):
                if stored is not None:
                    self.write(TOKEN_FILE, stored)
                host = self.host()
                message = self.failure(NotLoggedInError, host)
                self.assertTrue(message.startswith("Open Kiro and sign in, then try again. ("))
                self.assertIn(reason, message)
                self.assertIn("~/.local/share/kiro-cli/data.sqlite3 was not found", message)
                self.assertNotIn("PLANTED", message)
                self.assertEqual(self.http.requests, [])
                self.assertIsNone(self.detected())
                self.assertEqual(
                    host.visit.watched,
                    {
                        self.home / TOKEN_FILE,
                        self.home / ".local/share/kiro-cli/data.sqlite3",
                    },
                )

    def test_detected(self) -> None:
        """The app's login is found in the same place on every system."""
        self.sign_in(accessToken="")
        for platform in ("linux", "darwin", "win32"):
            self.assertEqual(self.detected(platform=platform), f"~/{TOKEN_FILE}")


class CliTests(KiroTestCase):
    """The login of the Kiro CLI, where the app has none."""

    def store(
        self,
        tokens: Mapping[str, object],
        profile: object = None,
        path: str = ".local/share/kiro-cli",
    ) -> None:
        """Make the CLI's database."""
        file = self.write(f"{path}/data.sqlite3", b"")
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)")
            connection.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB)")
            for key, value in tokens.items():
                text = value if isinstance(value, str) else json.dumps(value)
                connection.execute("INSERT INTO auth_kv VALUES (?, ?)", (key, text))
            if profile is not None:
                blob = json.dumps(profile).encode()
                connection.execute(
                    "INSERT INTO state VALUES ('api.codewhisperer.profile', ?)", (blob,)
                )

    def token(self, access: str = ACCESS, **more: object) -> dict[str, object]:
        """A token as the CLI keeps it."""
        expires_at = "2026-02-02T01:00:00.123456Z"
        return {
            "access_token": access,
            "refresh_token": REFRESH,
            "expires_at": expires_at,
            "region": "eu-west-1",
            **more,
        }

    def asked(self, url: str = LIVE, **more: Any) -> tuple[str, str]:
        """Address and token of what is asked."""
        self.state.values.clear()
        self.http.reply("GET", url, body=answered(breakdown(9)))
        self.probe(**more)
        request = self.http.requests[-1]
        return request.url, request.headers["authorization"].removeprefix("Bearer ")

    def test_social(self) -> None:
        """A social login asks for the profile that its token names, in the profile's region."""
        arn = ARN.replace("us-east-1", "eu-central-1")
        self.store({"kirocli:social:token": self.token(profile_arn=arn)}, {"arn": "other"})
        url, token = self.asked("https://q.eu-central-1.amazonaws.com/getUsageLimits?")
        self.assertIn("profileArn=arn%3Aaws%3Acodewhisperer%3Aeu-central-1%3A", url)
        self.assertEqual(token, ACCESS)

    def test_profile(self) -> None:
        """Without one in the token the profile is that which the CLI keeps; else there is none."""
        for key in ("kirocli:odic:token", "codewhisperer:odic:token"):
            self.store({key: self.token()}, {"arn": ARN, "profileName": "x"})
            self.assertIn(f"profileArn={ASKED_ARN}&", self.asked()[0])
            self.store({key: self.token()})
            self.assertNotIn("profileArn", self.asked()[0])

    def test_social_without_profile(self) -> None:
        """A social login without a profile asks nobody."""
        self.store({"kirocli:social:token": self.token()})
        self.assertEqual(self.failure(NotAvailableError), UNAVAILABLE)

    def test_choice(self) -> None:
        """The first login counts, unless it has expired and another has not."""
        past = "2026-02-01T00:00:00Z"
        first, second = "kirocli:odic:token", "codewhisperer:odic:token"
        for stored, expected in (
            ({first: self.token("one"), second: self.token("two")}, "one"),
            ({first: self.token("one", expires_at=past), second: self.token("two")}, "two"),
            ({first: "{half", second: self.token("two")}, "two"),
            ({first: self.token(""), second: self.token("two")}, "two"),
            ({first: self.token("two words"), second: self.token("two")}, "two"),
            ({first: self.token("one", expires_at=None)}, "one"),
        ):
            with self.subTest(stored=stored):
                self.store(stored)
                self.assertEqual(self.asked()[1], expected)

    def test_app_goes_first(self) -> None:
        """The app's login goes before that of the CLI."""
        self.sign_in()
        self.store({"kirocli:odic:token": self.token("cli")})
        self.assertEqual(self.asked()[1], ACCESS)

    def test_app_data_is_not_the_clis(self) -> None:
        """What the app kept is of the app's login, and not shown for the CLI's."""
        self.keep_age(2, kept(5))
        self.log(answered(breakdown(1)))
        self.store({"kirocli:odic:token": self.token()})
        self.http.reply("GET", LIVE, body=answered(breakdown(9)))
        host = self.host()
        self.assertEqual(self.probe(host).lines[0], credit(9, 50))
        self.assertEqual(host.visit.watched, {self.home / TOKEN_FILE})

    def test_expired(self) -> None:
        """An expired one is not sent, nor renewed: its database is only read."""
        past = "2026-02-01T21:00:00Z"
        self.store({"kirocli:odic:token": self.token(expires_at=past)})
        for allowed in (False, True):
            message = self.failure(TokenExpiredError, refresh_credentials=allowed)
            self.assertEqual(message, "Token expired 3 h ago. Run `kiro-cli` once to renew it.")
        self.assertEqual(self.http.requests, [])

    def test_refused(self) -> None:
        """One that the service refuses is not renewed either."""
        self.store({"kirocli:odic:token": self.token()})
        self.http.reply("GET", LIVE, 401)
        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), EXPIRED)

    def test_places(self) -> None:
        """The CLI keeps its database where each system has it, or where it was told."""
        for platform, folder, env, place in (
            ("linux", ".local/share/kiro-cli", {}, "~/.local/share/kiro-cli/data.sqlite3"),
            (
                "linux",
                "data/kiro-cli",
                {"XDG_DATA_HOME": "data"},
                "~/data/kiro-cli/data.sqlite3",
            ),
            ("linux", "mine", {"KIRO_DATA_DIR": "mine"}, "~/mine/data.sqlite3"),
            (
                "darwin",
                "Library/Application Support/kiro-cli",
                {},
                "~/Library/Application Support/kiro-cli/data.sqlite3",
            ),
            ("win32", "AppData/Local/kiro-cli", {}, "~/AppData/Local/kiro-cli/data.sqlite3"),
            ("win32", "AppData/Roaming/kiro-cli", {}, "~/AppData/Roaming/kiro-cli/data.sqlite3"),
        ):
            with self.subTest(platform=platform, folder=folder):
                self.setUp()
                env = {name: str(self.home / path) for name, path in env.items()}
                self.assertIsNone(self.detected(platform=platform, env=env))
                self.store({"kirocli:odic:token": self.token()}, path=folder)
                self.assertEqual(self.asked(platform=platform, env=env)[1], ACCESS)
                self.assertEqual(self.detected(platform=platform, env=env), place)

    def test_damaged(self) -> None:
        """A database without a login, or that is none, is said to be so."""
        self.store({})
        self.assertIn("data.sqlite3 has no login", self.failure(NotLoggedInError))
        self.assertIsNone(self.detected())
        self.write(".local/share/kiro-cli/data.sqlite3", b"no database at all")
        self.assertIn("data.sqlite3 cannot be read (", self.failure(NotLoggedInError))
        self.assertIsNone(self.detected())
