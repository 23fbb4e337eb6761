"""Tests for `openusage.providers.amp`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import (
    Badge,
    Count,
    Dollars,
    Line,
    NotLoggedInError,
    Percent,
    ProbeError,
    ProbeTimeoutError,
    Progress,
    RateLimitedError,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.amp import Amp
from openusage.providers.amp import lines as amp_lines
from openusage.providers.amp.lines import plan_of, usage_lines
from openusage.providers.amp.text import FIGURES
from openusage.providers.words import NO_DATA
from openusage.testing import NOW, clock_at
from tests.probes import ProbeTestCase

KEY = "sgamp_user_PLANTED"
OTHER = "sgamp_user_OTHER"
URL = "https://ampcode.com/api/internal"
SECRETS = ".local/share/amp/secrets.json"
SIGNED_IN = "Signed in as ada@planted.example (ada)"
DAY = 86_400_000

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def utc(*parts: int) -> datetime:
    """An instant, in UTC."""
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]


def told(text: str) -> dict[str, object]:
    """A good answer with this text."""
    return {"ok": True, "result": {"displayText": text}}


class AmpTestCase(ProbeTestCase):
    """A person's home folder and Amp's service."""

    provider = Amp()

    def log_in(self) -> None:
        self.write(SECRETS, {"apiKey@https://ampcode.com/": KEY})


class KeyTests(AmpTestCase):
    """Where the key is found."""

    def asked_with(self, **more: Any) -> tuple[str, str]:
        """The address and the key that a probe sends."""
        self.http.reply("POST", "https://", body=told(SIGNED_IN))
        self.state.values.clear()
        self.probe(**more)
        request = self.http.requests[-1]
        return request.url, request.headers["authorization"].removeprefix("Bearer ")

    def test_not_installed(self) -> None:
        """Without a key nothing is asked, and the message names file and reason."""
        cases = (
            (None, "~/.local/share/amp/secrets.json was not found"),
            ({"other": "value"}, "~/.local/share/amp/secrets.json has no apiKey@"),
            ("{bad json", "~/.local/share/amp/secrets.json is no JSON object"),
            ({"apiKey@https://ampcode.com/": " "}, "has no apiKey@https://ampcode.com/"),
            ({"apiKey@https://ampcode.com/": 7}, "has no apiKey@https://ampcode.com/"),
        )
        for stored, reason in cases:
            with self.subTest(stored=stored):
                if stored is not None:
                    self.write(SECRETS, stored)
                message = self.failure(NotLoggedInError)
                self.assertTrue(
                    message.startswith("Amp not installed. Install Amp Code to get started."),
                    message,
                )
                self.assertIn(reason, message)
                self.assertEqual(self.http.requests, [])
                self.assertIsNone(self.detected())

    def test_file(self) -> None:
        """The file lies in the same place on every system."""
        self.log_in()
        for platform in ("linux", "darwin", "win32"):
            with self.subTest(platform=platform):
                self.assertEqual(self.asked_with(platform=platform), (URL, KEY))
                self.assertEqual(self.detected(platform=platform), f"~/{SECRETS}")

    def test_environment_first(self) -> None:
        """`AMP_API_KEY` goes before the file, as in the CLI; a blank one is none."""
        self.log_in()
        self.assertEqual(self.asked_with(env={"AMP_API_KEY": OTHER}), (URL, OTHER))
        self.assertEqual(self.detected(env={"AMP_API_KEY": OTHER}), "AMP_API_KEY")
        self.assertEqual(self.asked_with(env={"AMP_API_KEY": " "}), (URL, KEY))

    def test_unsendable(self) -> None:
        """A key that no header can carry is none, and that is remarked without it."""
        self.log_in()
        host = self.host(env={"AMP_API_KEY": f"{OTHER} {OTHER}"})
        self.http.reply("POST", URL, body=told(SIGNED_IN))
        self.probe(host)
        self.assertEqual(self.http.requests[0].headers["authorization"], f"Bearer {KEY}")
        self.assertIn("AMP_API_KEY", host.visit.notes[0])
        self.assertNotIn(OTHER, host.visit.notes[0])

    def test_data_folders(self) -> None:
        """The data folder may be another: by XDG, on macOS and on Windows."""
        data = str(self.home / "data")
        for path, more in (
            ("data/amp/secrets.json", {"env": {"XDG_DATA_HOME": data}}),
            ("Library/Application Support/amp/secrets.json", {"platform": "darwin"}),
            ("AppData/Roaming/amp/secrets.json", {"platform": "win32"}),
            ("data/amp/secrets.json", {"env": {"APPDATA": data}, "platform": "win32"}),
        ):
            with self.subTest(path=path, more=more):
                self.write(path, {"apiKey@https://ampcode.com/": OTHER})
                self.assertEqual(self.asked_with(**more), (URL, OTHER))
                (self.home / path).unlink()

    def test_xdg_first(self) -> None:
        """`XDG_DATA_HOME` goes before the usual place, which is still looked at."""
        env = {"XDG_DATA_HOME": str(self.home / "data")}
        self.log_in()
        self.assertEqual(self.asked_with(env=env), (URL, KEY))
        self.write("data/amp/secrets.json", {"apiKey@https://ampcode.com/": OTHER})
        self.assertEqual(self.asked_with(env=env), (URL, OTHER))
        self.assertEqual(self.detected(env=env), "~/data/amp/secrets.json")

    def test_other_origin(self) -> None:
        """A key for another origin serves where there is none for Amp's; it goes there alone."""
        elsewhere = {"apiKey@https://amp.Example.com/": OTHER}
        for stored, expected in (
            (elsewhere, ("https://amp.example.com/api/internal", OTHER)),
            ({**elsewhere, "apiKey@https://ampcode.com/": KEY}, (URL, KEY)),
            ({**elsewhere, "apiKey@https://ampcode.com": KEY}, (URL, KEY)),
            ({"apiKey@https://ampcode.com/": "", "apiKey@work": OTHER}, (URL, OTHER)),
        ):
            with self.subTest(stored=stored):
                self.write(SECRETS, stored)
                self.assertEqual(self.asked_with(), expected)

    def test_own_origin_of_another_file(self) -> None:
        """Amp's own key goes before one for another origin, whichever file has it."""
        self.write("data/amp/secrets.json", {"apiKey@https://amp.example.com/": OTHER})
        self.log_in()
        env = {"XDG_DATA_HOME": str(self.home / "data")}
        self.assertEqual(self.asked_with(env=env), (URL, KEY))

    def test_watched(self) -> None:
        """Every file that may hold the key is watched."""
        host = self.host(platform="darwin")
        self.failure(NotLoggedInError, host)
        self.assertEqual(
            host.visit.watched,
            {
                self.home / SECRETS,
                self.home / "Library/Application Support/amp/secrets.json",
            },
        )


class RequestTests(AmpTestCase):
    """The request and what may come of it."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def test_request(self) -> None:
        """One POST with the key and the name of the method, and nothing else."""
        self.http.reply("POST", URL, body=told(SIGNED_IN))
        self.probe()
        (request,) = self.http.requests
        self.assertEqual(request.url, URL)
        self.assertEqual(request.headers["authorization"], f"Bearer {KEY}")
        self.assertEqual(request.headers["content-type"], "application/json")
        self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(request.json(), {"method": "userDisplayBalanceInfo", "params": {}})
        self.assertEqual(request.timeout, 15)
        self.assertFalse(request.follow_redirects)

    def test_troubles(self) -> None:
        """Each answer that is no good is an error of its class, in Amp's words."""
        expired = "Session expired. Re-authenticate in Amp Code."
        unparsed = "Could not parse usage data."
        credits_required = {"error": {"message": "Credits required for this feature."}}
        logged_out = {"ok": False, "error": {"code": "auth-required", "message": "Log in"}}
        cases: tuple[tuple[int, Any, type[ProbeError], str], ...] = (
            (401, b"", TokenExpiredError, expired),
            (403, b"", TokenExpiredError, expired),
            (402, credits_required, UnexpectedResponseError, "Credits required for this feature."),
            (402, {"error": {"message": " "}}, UnexpectedResponseError, "(HTTP 402)"),
            (402, {"error": "no"}, UnexpectedResponseError, "Request failed (HTTP 402)."),
            (500, b"", UnexpectedResponseError, "Request failed (HTTP 500). Try again later."),
            (429, b"", RateLimitedError, "rate limited"),
            (200, b"not json", UnexpectedResponseError, unparsed),
            (200, {"result": {}}, UnexpectedResponseError, unparsed),
            (200, {"ok": True, "result": {}}, UnexpectedResponseError, unparsed),
            (200, {"ok": True, "result": "text"}, UnexpectedResponseError, unparsed),
            (200, {"ok": True, "result": {"displayText": " "}}, UnexpectedResponseError, unparsed),
            (200, {"result": {"displayText": SIGNED_IN}}, UnexpectedResponseError, unparsed),
            (200, logged_out, TokenExpiredError, expired),
            (200, {"ok": False, "error": {"code": "x"}}, UnexpectedResponseError, unparsed),
            (200, told("Amp Free: unparseable data"), UnexpectedResponseError, unparsed),
        )
        for status, body, kind, message in cases:
            with self.subTest(status=status, body=body):
                self.state.values.clear()
                self.http.reply("POST", URL, status, body)
                self.assertIn(message, self.failure(kind))
        self.assertEqual(len(self.http.requests), len(cases))

    def test_secret_message(self) -> None:
        """A message of the service is shown without what it may repeat of the person."""
        said = f"no credits for ada@planted.example with {KEY}-0123456789!"
        self.http.reply("POST", URL, 402, {"error": {"message": said}})
        message = self.failure(UnexpectedResponseError)
        self.assertTrue(message.startswith("No credits for [EMAIL] with "), message)
        self.assertTrue(message.endswith("."), message)
        self.assertNotIn("PLANTED", message)

    def test_no_connection(self) -> None:
        """No connection and no answer in time are told alike."""
        for error in (UnreachableError("refused"), ProbeTimeoutError("silence")):
            with self.subTest(error=error):
                self.state.values.clear()
                self.http.fail("POST", URL, error)
                message = self.failure(type(error))
                self.assertEqual(message, "Request failed. Check your connection.")

    def test_spacing(self) -> None:
        """A second probe within a minute shows the same figures and asks nobody, after a restart.

        Nothing that names the person is kept.
        """
        text = (
            f"{SIGNED_IN}\nAmp Free: 40% remaining today (resets daily)\n"
            "Workspace ada@planted.example: -$2 remaining (x)"
        )
        self.http.reply("POST", URL, body=told(text))
        first = self.probe()
        self.clock.advance(59)
        host = self.host()
        self.assertEqual(self.probe(host), first)
        self.assertEqual(len(self.http.requests), 1)
        self.assertEqual(host.visit.again_at, NOW + timedelta(minutes=1))
        self.assertNotIn("planted", repr((first, self.state.values)))


class TextTests(AmpTestCase):
    """What the text of the service says."""

    def setUp(self) -> None:
        super().setUp()
        self.log_in()

    def read(self, text: str, at: datetime = NOW) -> tuple[str | None, list[Line]]:
        """Plan and lines of an answer with this text, given at the instant `at`."""
        self.state.values.clear()
        self.http.reply("POST", URL, body=told(text))
        snapshot = self.probe(clock=clock_at(at))
        return snapshot.plan, list(snapshot.lines)

    def test_old_forms(self) -> None:
        """The allowance in dollars, its bonus, and individual credits."""

        def free(used: float, limit: float = 20) -> Progress:
            return Progress("Free", used, limit, Dollars(), period_ms=DAY)

        def left(amount: str) -> Text:
            return Text("Credits", amount)

        topped_up = "(set up automatic top-up to avoid running out) - https://ampcode.com/settings"
        cases: tuple[tuple[str, str, list[Line]], ...] = (
            (
                "Amp Free: $10/$20 remaining\nIndividual credits: $0 remaining",
                "Free",
                [free(10)],
            ),
            (
                "Amp Free: $10/$20 remaining [+100% bonus for 2 more days]",
                "Free",
                [free(10), Text("Bonus", "+100% for 2d")],
            ),
            (
                "Amp Free: $10/$20 remaining [+50% bonus for 1 more day]",
                "Free",
                [free(10), Text("Bonus", "+50% for 1d")],
            ),
            ("Amp Free: $10/$20 remaining [+0% bonus for 2 more days]", "Free", [free(10)]),
            ("Amp Free: $10/$20 remaining [+10% bonus for 0 more days]", "Free", [free(10)]),
            (
                "Amp Free: $10/$20 remaining\nIndividual credits: $5.5 remaining",
                "Free",
                [free(10), left("$5.50")],
            ),
            (
                "Amp Free: $10/$20 remaining\nIndividual credits: $10 remaining",
                "Free",
                [free(10), left("$10.00")],
            ),
            ("Amp Free: $25/$20 remaining (replenishes +$1/hour)", "Free", [free(0)]),
            ("Amp Free: $20/$20 remaining (replenishes +$1/hour)", "Free", [free(0)]),
            ("Amp Free: $10/$20 remaining (replenishes +$0/hour)", "Free", [free(10)]),
            ("Amp Free: $1,000.50/$2,000 remaining", "Free", [free(999.5, 2000)]),
            ("Individual credits: $25.50 remaining", "Credits", [left("$25.50")]),
            (f"Individual credits: $5 remaining {topped_up}", "Credits", [left("$5.00")]),
            (SIGNED_IN, "Credits", [left("$0.00")]),
            ("Individual credits: $0 remaining", "Credits", [left("$0.00")]),
            ("Individual credits: -$2 remaining", "Credits", [left("-$2.00")]),
            ("Individual credits: $1,234.5 remaining", "Credits", [left("$1234.50")]),
            ("Amp Free: $0/$0 remaining", "Free", [NO_DATA]),
            (
                "Amp Free: $0/$0 remaining\nIndividual credits: $0 remaining",
                "Free",
                [left("$0.00")],
            ),
        )
        for text, plan, lines in cases:
            with self.subTest(text=text):
                self.assertEqual(self.read(text), (plan, lines))

    def test_replenishing(self) -> None:
        """The allowance is full again after as many hours as it takes at its rate."""
        _, (line,) = self.read("Amp Free: $1.66/$20 remaining (replenishes +$0.83/hour)")
        assert isinstance(line, Progress)
        self.assertAlmostEqual(line.used, 18.34)
        self.assertEqual(line.limit, 20)
        self.assertEqual(line.period_ms, DAY)
        assert line.resets_at is not None
        hours = (line.resets_at - NOW) / timedelta(hours=1)
        self.assertAlmostEqual(hours, 18.34 / 0.83, places=3)

    def test_share(self) -> None:
        """The free tier in percent turns daily at 20:00 in New York, if it says that it does."""
        daily = "Amp Free: 61% remaining today (resets daily) - https://ampcode.com/settings"
        for at, turn in (
            (utc(2026, 11, 24, 12), utc(2026, 11, 25, 1)),
            (utc(2026, 11, 25, 0, 59, 59), utc(2026, 11, 25, 1)),
            (utc(2026, 11, 25, 1), utc(2026, 11, 26, 1)),
            (utc(2026, 7, 1, 12), utc(2026, 7, 2, 0)),
            (utc(2026, 7, 2, 0), utc(2026, 7, 3, 0)),
            # The clocks go forward in the night to 2026-03-08 and back in that to 2026-11-01.
            (utc(2026, 3, 8, 2), utc(2026, 3, 9, 0)),
            (utc(2026, 11, 1, 1), utc(2026, 11, 2, 1)),
        ):
            with self.subTest(at=at):
                expected = Progress("Amp Free", 39, 100, Percent(), turn, DAY)
                self.assertEqual(self.read(daily, at), ("Free", [expected]))
        self.assertEqual(
            self.read("Amp Free: 72.5% remaining today"),
            ("Free", [Progress("Amp Free", 27.5, 100)]),
        )

    def test_share_without_time_zones(self) -> None:
        """On a system that knows no time zones the reset is unknown."""
        self.patch(amp_lines, "_ZONE", "America/Atlantis")
        _, (line,) = self.read("Amp Free: 61% remaining today (resets daily)")
        self.assertEqual(line, Progress("Amp Free", 39, 100, period_ms=DAY))

    def test_share_and_credits(self) -> None:
        """Both are shown, credits unless there are none."""
        share = Progress("Amp Free", 39, 100)
        for amount, more in (("3", [Text("Credits", "$3.00")]), ("0", [])):
            text = f"Amp Free: 61% remaining\nIndividual credits: ${amount} remaining"
            self.assertEqual(self.read(text), ("Free", [share, *more]))

    def test_disabled(self) -> None:
        """No free tier is said so, and is no balance of 0."""
        disabled = Text("Amp Free", "Disabled")
        for text, lines in (
            (f"{SIGNED_IN}\nAmp Free: disabled", [disabled]),
            (
                "**Amp Free:** disabled\n**Individual credits:** $4 remaining",
                [disabled, Text("Credits", "$4.00")],
            ),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.read(text), ("Credits", lines))

    def test_subscription(self) -> None:
        """Shares of a subscription, until it is renewed so many days or months from now."""
        rest = "74.5% other usage and 95% orb usage remaining - resets upon renewal in"
        for text, resets_at in (
            (f"Subscription Megawatt: {rest} 20 days", utc(2026, 12, 14, 12)),
            (f"Amp Megawatt Subscription: {rest} 1 month - https://x", utc(2026, 12, 24, 12)),
            (f"**Amp Megawatt Subscription:** {rest} 3 months", utc(2027, 2, 24, 12)),
            (f"Subscription Megawatt: {rest} a while", None),
        ):
            with self.subTest(text=text):
                plan, lines = self.read(f"{SIGNED_IN}\n{text}")
                self.assertEqual(plan, "Megawatt")
                self.assertEqual(
                    lines,
                    [
                        Progress("Other usage", 25.5, 100, resets_at=resets_at),
                        Progress("Orb usage", 5, 100, resets_at=resets_at),
                    ],
                )

    def test_short_month(self) -> None:
        """A month from the last day of one is the last day of the next."""
        text = "Subscription Megawatt: 10% other usage remaining - resets upon renewal in 1 month"
        _, (line,) = self.read(text, utc(2027, 1, 31, 9))
        self.assertEqual(line, Progress("Other usage", 90, 100, resets_at=utc(2027, 2, 28, 9)))

    def test_tier(self) -> None:
        """Dollars of agents and hours of orbs, in a period with a first and a last day."""
        agent = "agent usage $18.5 of $20 remaining (93%)"
        orb = "orb usage 732.5h of 1,000h a1.small orb hours remaining (73%)"
        period = "period 2026-11-13 to 2026-12-13, resets upon renewal in 19 days"
        end, month = utc(2026, 12, 13), 30 * DAY
        agent_line = Progress("Agent usage", 1.5, 20, Dollars(), end, month)
        orb_line = Progress("Orb usage", 267.5, 1000, Count("hours"), end, month)
        for text, lines in (
            (f"Amp Gigawatt Tier: {agent}, {orb} - {period}", [agent_line, orb_line]),
            (f"**Amp Gigawatt Tier:** {agent}, {orb} - {period}", [agent_line, orb_line]),
            (f"Amp Gigawatt Subscription: {agent}, {orb} - {period}", [agent_line, orb_line]),
            (f"Amp Gigawatt Tier: {agent} - {period}", [agent_line]),
            (
                f"Amp Gigawatt Tier: {agent} - ends in 2 days",
                [Progress("Agent usage", 1.5, 20, Dollars(), utc(2026, 11, 26, 12))],
            ),
            (f"Amp Gigawatt Tier: {agent}", [Progress("Agent usage", 1.5, 20, Dollars())]),
            (
                f"Amp Gigawatt Tier: agent usage $0 of $0 remaining (0%), {orb} - {period}",
                [orb_line],
            ),
            (
                f"Amp Gigawatt Tier: {agent}, orb usage 0h of 0h orb hours remaining - {period}",
                [agent_line],
            ),
            ("Amp Gigawatt Tier: agent usage $0 of $0 remaining (0%)", [NO_DATA]),
        ):
            with self.subTest(text=text):
                self.assertEqual(self.read(f"{SIGNED_IN}\n{text}"), ("Gigawatt", lines))

    def test_period_backwards(self) -> None:
        """A period that ends before it begins has no length; days that do not exist are none."""
        for days, resets_at in (
            ("2026-12-13 to 2026-11-13", utc(2026, 11, 13)),
            ("2026-02-30 to 2026-13-01", None),
        ):
            text = f"Amp Mega Tier: agent usage $1 of $2 remaining - period {days}"
            expected = Progress("Agent usage", 1, 2, Dollars(), resets_at)
            self.assertEqual(self.read(text), ("Mega", [expected]))

    def test_workspaces(self) -> None:
        """Each workspace has its balance, which may be negative."""
        text = (
            "Workspace Team One: $1,045 remaining (shared)\n"
            "**Workspace Two:** -$3.5 remaining (overdrawn) - https://ampcode.com/workspaces/two"
        )
        lines = [Text("Workspace Team One", "$1045.00"), Text("Workspace Two", "-$3.50")]
        self.assertEqual(self.read(text), ("Workspace", lines))
        self.assertEqual(
            self.read(f"{text}\nIndividual credits: $2 remaining"),
            ("Credits", [Text("Credits", "$2.00"), *lines]),
        )

    def test_whole(self) -> None:
        """Everything that an account may have is shown together, its subscription being the plan.

        A free tier in words that are not known costs only itself.
        """
        text = (
            f"{SIGNED_IN}\n**Amp Free:** as much as you like\n"
            "**Amp Megawatt Tier:** agent usage $12 of $20 remaining (60%)\n"
            "**Individual credits:** $10.25 remaining (set up auto-reload) - https://x\n"
            "**Workspace Example:** $0 remaining - https://ampcode.com/workspaces/example\n"
        )
        self.assertEqual(
            self.read(text),
            (
                "Megawatt",
                [
                    Progress("Agent usage", 8, 20, Dollars()),
                    Text("Credits", "$10.25"),
                    Text("Workspace Example", "$0.00"),
                ],
            ),
        )

    def test_unknown_figures(self) -> None:
        """Figures in words that are not known are no balance of 0."""
        for text in ("Team pool: $40 left", "Quota 40%", "Amp Free today"):
            with self.subTest(text=text):
                self.state.values.clear()
                self.http.reply("POST", URL, body=told(f"{SIGNED_IN}\n{text}"))
                self.failure(UnexpectedResponseError)

    def test_huge(self) -> None:
        """Absurd figures and endless texts are read in no time and never crash."""
        digits = "9" * 30
        for text in (
            f"Amp Free: ${digits}/${digits} remaining (replenishes +$0.{'0' * 28}1/hour)",
            f"Amp Free: $1/${digits} remaining (replenishes +$0.{'0' * 28}1/hour)",
            "Subscription A: 5% other usage remaining - resets upon renewal in 999999999 months",
            "Subscription A: 5% other usage remaining - resets upon renewal in 999999999 days",
            f"{SIGNED_IN}\n" + "Workspace A: $1 remaining\n" * 700,
            f"Individual credits: $1 remaining\n{'Workspace ' * 1900}",
        ):
            with self.subTest(text=text[:60]):
                _, lines = self.read(text)
                self.assertLessEqual(len(lines), 40)

    def test_without_end(self) -> None:
        """A number longer than any amount, or a text longer than any answer, is not understood."""
        credit = "Individual credits: $1 remaining"
        for text in (f"Individual credits: ${'9' * 400} remaining", f"{credit}\n" * 10_000):
            self.state.values.clear()
            self.http.reply("POST", URL, body=told(text))
            self.failure(UnexpectedResponseError)


class LinesTests(SynchronousTestCase):
    """`usage_lines` and `plan_of` of what is kept on the disk."""

    @settings(deadline=None, max_examples=100)
    @given(st.dictionaries(st.sampled_from([*FIGURES]), JSON))
    def test_any_json(self, body: Mapping[str, Any]) -> None:
        """Whatever JSON is kept makes lines, or none, and a plan."""
        self.shown(body)

    @settings(deadline=None, max_examples=100)
    @given(
        st.sampled_from(["free", "freeShare", "paid"]),
        st.dictionaries(
            st.sampled_from([*FIGURES["free"], *FIGURES["freeShare"], *FIGURES["paid"]]),
            JSON | st.fixed_dictionaries({"remaining": JSON, "total": JSON}),
        ),
    )
    def test_any_part(self, key: str, part: Mapping[str, Any]) -> None:
        """So does whatever stands in one of its parts."""
        self.shown({key: part, "workspaces": [part]})

    def shown(self, body: Mapping[str, Any]) -> None:
        lines = [*usage_lines(body, NOW)]
        for line in lines:
            self.assertNotIsInstance(line, Badge)
        self.assertIsInstance(plan_of(body), str)
