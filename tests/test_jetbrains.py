"""Tests for `openusage.providers.jetbrains`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from openusage.host import Host
from openusage.model import NotAvailableError, NotLoggedInError, Progress, Text
from openusage.providers.jetbrains import FILE, NOT_DETECTED, UNAVAILABLE, JetBrains
from openusage.testing import NOW, run_inline
from tests.planters.jetbrains import quota_file
from tests.probes import ProbeTestCase

P = ParamSpec("P")
T = TypeVar("T")

CONFIG = ".config/JetBrains"
MAC = "Library/Application Support"
ROAMING = "AppData/Roaming"
REFILL = {"type": "Known", "next": "2099-01-01T00:00:00Z", "tariff": {"duration": "PT720H"}}


def utc(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=timezone.utc)


def info(current: object = "75", maximum: object = "100", **more: object) -> dict[str, object]:
    return {"current": current, "maximum": maximum, **more}


class QuotaTestCase(ProbeTestCase):
    """A home folder with IDEs in it."""

    provider = JetBrains()

    def put(self, content: str | bytes, ide: str = "WebStorm2025.3", base: str = CONFIG) -> Path:
        return self.write(f"{base}/{ide}/options/{FILE}", content)

    def quota(
        self,
        quota: object,
        refill: object = None,
        ide: str = "WebStorm2025.3",
        base: str = CONFIG,
    ) -> Path:
        return self.put(quota_file({"nextRefill": refill, "quotaInfo": quota}), ide, base)

    def bar(self, host: Host | None = None) -> Progress:
        line = self.probe(host).lines[0]
        assert isinstance(line, Progress)
        return line

    def texts(self) -> list[str]:
        return [line.value for line in self.probe().lines if isinstance(line, Text)]


class LineTests(QuotaTestCase):
    """What a quota becomes."""

    def test_small(self) -> None:
        """A quota in plain numbers is shown as it is, with the refill before the end of it."""
        self.quota(info(available="25", until="2099-01-31T00:00:00Z"), REFILL)
        host = self.host()

        snapshot = self.probe(host)

        bar = Progress("Quota", 75, 100, resets_at=utc(2099, 1, 1), period_ms=2_592_000_000)
        self.assertEqual(snapshot.lines, (bar, Text("Used", "75"), Text("Remaining", "25")))
        self.assertIsNone(snapshot.plan)
        self.assertEqual(snapshot.fetched_at, NOW)
        self.assertEqual(host.visit.notes, [])

    def test_no_refill(self) -> None:
        """Without a refill the quota resets when it ends, and has no period."""
        refills: tuple[object, ...] = (None, {}, [], {"next": None}, {"next": ""})
        for refill in refills:
            self.quota(info(until="2099-01-31T00:00:00Z"), refill)
            self.assertEqual(self.bar().resets_at, utc(2099, 1, 31), refill)
            self.assertIsNone(self.bar().period_ms)

    def test_no_times(self) -> None:
        """Without any time, or with one that cannot be read, there is none."""
        self.put(quota_file({"quotaInfo": info()}))
        self.assertIsNone(self.bar().resets_at)
        self.quota(info(until="2099-01-31T00:00:00Z"), {"next": "soon"})
        self.assertIsNone(self.bar().resets_at)

    def test_refilled(self) -> None:
        """When the refill is past, a note says that the figures are older than it."""
        self.quota(info(), {"next": (NOW - timedelta(hours=1)).isoformat()})
        host = self.host()
        self.probe(host)
        self.assertIn("refilled", host.visit.notes[0])

    def test_remaining(self) -> None:
        """What is left is what the file says, else what the pools have, else what is not used."""
        pools: dict[str, object] = {
            "tariffQuota": {"available": 12.5},
            "topUpQuota": {"available": 3.5},
        }
        cases: tuple[tuple[dict[str, object], str], ...] = (
            (info(60), "40"),
            (info(60, available=None), "40"),
            (info(60, available=""), "40"),
            (info(60, available="12.25"), "12.25"),
            (info(90, **pools), "16"),
            (info(90, tariffQuota={"available": 12.5}), "12.5"),
            (info(90, available=-5), "0"),
            (info(90, available=500), "100"),
        )
        for quota, remaining in cases:
            self.quota(quota)
            self.assertEqual(self.texts()[1], remaining, quota)

    def test_pools(self) -> None:
        """Each amount on its own comes from the pools where the whole has none."""
        self.quota(
            {
                "maximum": "200",
                "tariffQuota": {"current": "10", "maximum": 100, "available": "90"},
                "topUpQuota": {"current": 5.5, "available": None},
            }
        )
        self.assertEqual(self.texts(), ["15.5", "90"])
        self.assertEqual(self.bar().used, 7.75)

    def test_credits(self) -> None:
        """Large amounts are hundred-thousandths of a credit."""
        quota = info(
            1981684.92,
            2367648.941,
            tariffQuota={"available": 385964.21},
            topUpQuota={"available": 0},
        )
        self.quota(quota, {"tariff": {"amount": 2000000}})
        self.assertEqual(self.texts(), ["19.82 / 23.68 credits", "3.86 credits"])
        self.assertAlmostEqual(self.bar().used, 83.7, places=1)

    def test_scale(self) -> None:
        """One large amount, also that of the refill, makes all of them parts of credits."""
        cases: tuple[tuple[object, object, object, list[str]], ...] = (
            (50000, 99999, None, ["50000", "49999"]),
            (50000, 100000, None, ["0.5 / 1 credits", "0.5 credits"]),
            (
                "350000",
                "2000000",
                {"tariff": {"amount": "2000000"}},
                ["3.5 / 20 credits", "16.5 credits"],
            ),
            (500, 1000, {"tariff": {"amount": "100000"}}, ["0.01 / 0.01 credits", "0.01 credits"]),
            (500, 1000, {"amount": -100000}, ["0.01 / 0.01 credits", "0.01 credits"]),
            (500, 1000, {"tariff": {"amount": "99999"}}, ["500", "500"]),
            (0, 200000, None, ["0 / 2 credits", "2 credits"]),
        )
        for current, maximum, refill, words in cases:
            self.quota(info(current, maximum), refill)
            self.assertEqual(self.texts(), words, (current, maximum, refill))

    def test_clamped(self) -> None:
        """What is used is never below nothing nor above all."""
        cases: tuple[tuple[object, float, list[str]], ...] = (
            (150, 100, ["100", "0"]),
            (-5, 0, ["0", "100"]),
            (0.5, 0.5, ["0.5", "99.5"]),
        )
        for current, used, words in cases:
            self.quota(info(current))
            self.assertEqual((self.bar().used, self.texts()), (used, words))

    def test_durations(self) -> None:
        """The period is known for hours, days and weeks alone, wherever the duration stands."""
        cases: tuple[tuple[object, int | None], ...] = (
            ("PT720H", 2_592_000_000),
            ("P30D", 2_592_000_000),
            ("P4W", 2_419_200_000),
            ("P1M", None),
            ("PT1H30M", None),
            ("P0D", None),
            ("P999999999W", None),
            ("P99999999999999999999D", None),
            (30, None),
            (None, None),
        )
        for duration, period in cases:
            for refill in ({"tariff": {"duration": duration}}, {"duration": duration}):
                self.quota(info(), refill)
                self.assertEqual(self.bar().period_ms, period, duration)


class FileTests(QuotaTestCase):
    """Which file counts."""

    def test_nothing(self) -> None:
        """Without a file of an IDE nothing is detected; the error names the folders."""
        host = self.host()
        text = self.failure(NotLoggedInError, host)
        self.assertTrue(text.startswith(NOT_DETECTED), text)
        for place in ("~/.config/JetBrains", "~/.config/Google", "~/.local/share/JetBrains"):
            self.assertIn(place, text)
        self.assertIsNone(self.detected())
        self.assertIn(self.home / CONFIG, host.visit.watched)

    def test_not_a_folder(self) -> None:
        """A place that cannot be listed is an empty one."""
        self.write(CONFIG, "no folder")
        self.assertIn(NOT_DETECTED, self.failure(NotLoggedInError))

    def test_ide_without_file(self) -> None:
        """An IDE that has no quota yet is not detected, but its file is watched."""
        folder = self.home / CONFIG / "GoLand2025.2"
        folder.mkdir(parents=True)
        host = self.host()
        self.failure(NotLoggedInError, host)
        self.assertIn(folder / "options" / FILE, host.visit.watched)

    def test_no_quota(self) -> None:
        """A file without a usable quota is detected; the error says what to do, and where."""
        cases: tuple[dict[str, Any], ...] = (
            {},
            {"nextRefill": REFILL},
            {"quotaInfo": None},
            {"quotaInfo": [info()]},
            {"quotaInfo": {}},
            {"quotaInfo": info(maximum="0")},
            {"quotaInfo": info(maximum=-5)},
            {"quotaInfo": info(maximum="a lot")},
            {"quotaInfo": info(maximum=None)},
            {"quotaInfo": info(maximum="")},
            {"quotaInfo": info(maximum=float("nan"))},
            {"quotaInfo": info(maximum=float("inf"))},
            {"quotaInfo": info(maximum=10**400)},
            {"quotaInfo": info(current=None)},
            {"quotaInfo": info(current=True)},
            {
                "quotaInfo": {
                    "current": 1,
                    "tariffQuota": {"maximum": 1.7e308},
                    "topUpQuota": {"maximum": 1.7e308},
                }
            },
        )
        for options in cases:
            path = self.put(quota_file(options))
            host = self.host()
            text = self.failure(NotAvailableError, host)
            self.assertTrue(text.startswith(UNAVAILABLE), text)
            self.assertIn("WebStorm2025.3/options", text)
            self.assertIn(path, host.visit.watched)
            self.assertIn("WebStorm2025.3/options", self.detected() or "", options)

    def test_damaged(self) -> None:
        """What is no such file is not detected, and never costs more than itself."""
        deep = b"<a>" * 100_000 + b"</a>" * 100_000
        growing = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">%s]><a>&z;</a>' % b"".join(
            b'<!ENTITY %c "%s">' % (letter + 1, b"&%c;" % letter * 100)
            for letter in range(ord("a"), ord("z"))
        )
        wrong = quota_file({"quotaInfo": info()}).replace("AIAssistantQuotaManager2", "Another")
        contents = (
            b"",
            b"<application>",
            b'<?xml version="1.0" encoding="no-such"?><application />',
            b'<?xml version="1.0" encoding="utf-32"?><application />',
            b"\xff\xfe\x00",
            b" " * (2**20 + 1),
            deep,
            growing,
            wrong.encode(),
        )
        for content in contents:
            self.put(content)
            self.assertIn(UNAVAILABLE, self.failure(NotAvailableError), content[:60])
            self.assertIsNone(self.detected(), content[:60])

    def test_skipped(self) -> None:
        """A file that cannot be read is remarked; the others still count."""
        self.quota(info(20), ide="PyCharm2025.1")
        self.put(b"<application>", "CLion2025.1")
        (self.home / CONFIG / "Rider2025.1" / "options" / FILE).mkdir(parents=True)
        self.put(quota_file({}), "Aqua2025.1")
        host = self.host()
        self.assertEqual(self.bar(host).used, 20)
        self.assertEqual(len(host.visit.notes), 2)
        self.assertIn("CLion2025.1", host.visit.notes[0])
        self.assertIn("Rider2025.1", host.visit.notes[1])

    def test_written_otherwise(self) -> None:
        """Order of attributes, line breaks, quotes, entities and encoding may be any."""
        file = """<?xml version="1.0" encoding="UTF-16"?>
            <application><component name='AIAssistantQuotaManager2'>
            <option
               value='{&#13;&#10; &quot;current&quot;: &quot;75&quot;,
                 "maximum": 100, "note": "&lt;&apos;&amp;quot;&gt;" }'
               name='quotaInfo'></option>
            <option name='other' value='5'/></component></application>"""
        self.put(file.encode("utf-16"))
        self.assertEqual(self.texts(), ["75", "25"])

    def test_first_option(self) -> None:
        """Of two options of one name the first counts."""
        one, two = (quota_file({"quotaInfo": info(used)}) for used in (10, 20))
        both = one.replace("</application>", "") + two.replace("<application>", "")
        self.put(both)
        self.assertEqual(self.bar().used, 10)

    def test_newest(self) -> None:
        """The quota that ends last counts, then the fuller one, then the larger, then the first."""
        early, late = "2099-01-01T00:00:00Z", "2099-02-01T00:00:00Z"
        cases: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
            ({"quotaInfo": info(10, until=early)}, {"quotaInfo": info(20, until=late)}, "20"),
            ({"quotaInfo": info(20, until=late)}, {"quotaInfo": info(10, until=early)}, "20"),
            ({"quotaInfo": info(30, until=early)}, {"quotaInfo": info(80, until=early)}, "80"),
            ({"quotaInfo": info(80, until=early)}, {"quotaInfo": info(30, until=early)}, "80"),
            ({"quotaInfo": info(50, 100)}, {"quotaInfo": info(100, 200)}, "100"),
            ({"quotaInfo": info(60)}, {"quotaInfo": info(40), "nextRefill": REFILL}, "40"),
            (
                {"quotaInfo": info(60), "nextRefill": {"next": late}},
                {"quotaInfo": info(40, until=early), "nextRefill": {"next": "2099-12-01"}},
                "60",
            ),
            (
                {"quotaInfo": info(50, available=1)},
                {"quotaInfo": info(50, available=2)},
                "50",
            ),
        )
        for first, second, used in cases:
            self.put(quota_file(first), "CLion2025.1")
            self.put(quota_file(second), "WebStorm2025.1")
            self.assertEqual(self.texts()[0], used, (first, second))
        self.assertEqual(self.texts()[1], "1")

    def test_names(self) -> None:
        """Only folders of an IDE with a version count, in the spelling that the IDEs have."""
        names = {
            "WebStorm2025.3": True,
            "IntelliJIdea2025.3": True,
            "IdeaIC2024.1": True,
            "PyCharmCE2024.3": True,
            "IntelliJIdeaCE2026.1": True,
            "AndroidStudio2025.1.2": True,
            "AppCode2023.1": True,
            "Fleet2024.1": True,
            " Rider2025.1 ": True,
            "webstorm2025.3": False,
            "WebStorm": False,
            "WebStorm25.3": False,
            "OtherIde2025.3": False,
            "My WebStorm2025.3": False,
            "consentOptions": False,
        }
        for name, counts in names.items():
            path = self.quota(info(), ide=name)
            self.assertEqual(self.detected() is not None, counts, name)
            path.unlink()

    def test_places(self) -> None:
        """The IDEs of the three systems are found, and those of all where the system is unknown."""
        cases = (
            ("linux", ".config/JetBrains", True),
            ("linux", ".config/Google", True),
            ("linux", ".local/share/JetBrains", True),
            ("linux", f"{MAC}/JetBrains", False),
            ("darwin", f"{MAC}/JetBrains", True),
            ("darwin", f"{MAC}/Google", True),
            ("darwin", ".config/JetBrains", False),
            ("win32", f"{ROAMING}/JetBrains", True),
            ("win32", f"{ROAMING}/Google", True),
            ("win32", ".config/JetBrains", False),
            ("freebsd14", f"{MAC}/JetBrains", True),
            ("freebsd14", ".config/JetBrains", True),
            ("freebsd14", f"{ROAMING}/Google", True),
        )
        for platform, base, found in cases:
            path = self.quota(info(50), ide="AndroidStudio2025.1", base=base)
            expected = f"~/{base}/AndroidStudio2025.1/options/{FILE}" if found else None
            self.assertEqual(self.detected(platform=platform), expected, (platform, base))
            if found:
                self.assertEqual(self.bar(self.host(platform=platform)).used, 50)
            path.unlink()

    def test_variables(self) -> None:
        """`XDG_CONFIG_HOME`, `XDG_DATA_HOME` and `APPDATA` name other folders."""
        self.quota(info(), base="elsewhere/JetBrains")
        elsewhere = str(self.home / "elsewhere")
        for platform, variable in (
            ("linux", "XDG_CONFIG_HOME"),
            ("linux", "XDG_DATA_HOME"),
            ("win32", "APPDATA"),
        ):
            found = self.detected(platform=platform, env={variable: elsewhere})
            self.assertEqual(found, f"~/elsewhere/JetBrains/WebStorm2025.3/options/{FILE}")


class ProbeTests(QuotaTestCase):
    """`JetBrains.probe`."""

    def test_local(self) -> None:
        """Nothing is asked, no keychain opened, nothing remembered, and nothing written."""
        path = self.quota(info())
        host = self.host()
        before = path.read_bytes()
        self.probe(host)
        self.assertEqual(self.http.requests, [])
        self.assertEqual(path.read_bytes(), before)
        self.assertIn(path, host.visit.watched)

    def test_identity(self) -> None:
        """Who shares the folders is the same; who has other folders is another."""
        self.quota(info())
        self.quota(info(), base="elsewhere/JetBrains")
        hosts = [
            self.host(),
            self.host(),
            self.host(env={"XDG_CONFIG_HOME": str(self.home / "elsewhere")}),
        ]
        for host in hosts:
            self.probe(host)
        one, same, other = (host.visit.credential for host in hosts)
        self.assertIsNotNone(one)
        self.assertEqual(one, same)
        self.assertNotEqual(one, other)

    def test_off_the_reactor(self) -> None:
        """Files are read and parsed where blocking harms nobody."""
        self.quota(info())
        called: list[str] = []

        def run(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
            called.append(function.__name__)
            return run_inline(function, *args, **kwargs)

        self.probe(evolve(self.host(), run=run))
        self.assertIn("_parsed", called)

    amounts = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.just(10**400),
        st.text(max_size=8),
        st.floats().map(str),
    )
    pools = st.one_of(
        amounts,
        st.dictionaries(st.sampled_from(("current", "maximum", "available")), amounts),
    )
    times = st.one_of(amounts, st.datetimes().map(str))
    quotas = st.fixed_dictionaries(
        {},
        optional={
            "current": amounts,
            "maximum": amounts,
            "available": amounts,
            "until": times,
            "tariffQuota": pools,
            "topUpQuota": pools,
        },
    )
    refills = st.one_of(
        amounts,
        st.fixed_dictionaries(
            {},
            optional={
                "next": times,
                "amount": amounts,
                "duration": st.one_of(amounts, st.from_regex(r"\APT?[0-9]{1,12}[HDW]\Z")),
                "tariff": st.one_of(pools, st.fixed_dictionaries({"amount": amounts})),
            },
        ),
    )

    @settings(deadline=None, max_examples=100)
    @given(quotas, refills)
    def test_anything(self, quota: Any, refill: Any) -> None:
        """Whatever the file says, it is a snapshot of three lines or an error."""
        self.quota(quota, refill)
        try:
            snapshot = self.probe()
        except self.failureException:
            self.assertIn(UNAVAILABLE, self.failure(NotAvailableError))
        else:
            self.assertEqual(len(snapshot.lines), 3)
