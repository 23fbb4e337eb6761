"""Tests for `openusage.wire`."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.health import HealthReport, InstanceHealth
from openusage.model import (
    Badge,
    BarChart,
    BarPoint,
    Count,
    Dollars,
    Format,
    Health,
    Line,
    Percent,
    Progress,
    Snapshot,
    Text,
)
from openusage.settings import Account, Plugins, Settings
from openusage.store import Entry
from openusage.testing import NOW
from openusage.wire import (
    Fault,
    FieldError,
    WireError,
    camel,
    encode,
    encode_collection,
    from_json,
    instant_text,
    to_json,
)
from tests.pieces import after, snapshot

ANY_LINE: Any = Line  # the type checker takes no union for a type
KINDS: tuple[Any, ...] = (
    *(Snapshot, Entry, Health, Progress, Text, Badge, BarChart, BarPoint, ANY_LINE, Format, Count),
    *(Percent, Dollars, Settings, Plugins, Account, HealthReport, InstanceHealth),
    *(str, int, float, bool, datetime, dict[str, str], tuple[int, ...]),
)

# --- values of every kind -------------------------------------------------------------------------

readable = st.text(min_size=1, max_size=20).filter(lambda text: bool(text.strip()))
any_text = st.text(max_size=20)
maybe_text = st.none() | any_text
amounts = st.floats(min_value=0, allow_nan=False, allow_infinity=False) | st.integers(0, 2**70)
instants = st.datetimes(timezones=st.just(timezone.utc)) | st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-840, 840).map(lambda m: timezone(timedelta(minutes=m))),
)
formats = st.builds(Dollars) | st.builds(Count, readable)
progress_lines = st.builds(
    Progress,
    readable,
    amounts,
    amounts.filter(lambda limit: limit > 0),
    formats,
    st.none() | instants,
    st.none() | st.integers(1, Progress.LONGEST_MS),
    maybe_text,
) | st.builds(Progress, readable, amounts, st.just(100), st.builds(Percent))
text_lines = st.builds(Text, readable, any_text, maybe_text, maybe_text)
badges = st.builds(Badge, readable, any_text, maybe_text, maybe_text)
bar_points = st.builds(BarPoint, readable, amounts, maybe_text)
bar_charts = st.builds(
    BarChart, readable, st.lists(bar_points, min_size=1, max_size=5), maybe_text, maybe_text
)
lines = progress_lines | text_lines | badges | bar_charts
snapshots = st.builds(
    Snapshot, readable, readable, maybe_text, st.lists(lines, min_size=1, max_size=4), instants
)
healths = st.builds(
    Health,
    last_attempt=st.none() | instants,
    last_success=st.none() | instants,
    error=maybe_text,
    message=maybe_text,
    failures=st.integers(0, 2**40),
    next_attempt=st.none() | instants,
    waiting=maybe_text,
    notes=st.lists(any_text, max_size=3),
)
entries = st.builds(Entry, st.none() | snapshots, maybe_text, healths)

# --- JSON of every shape --------------------------------------------------------------------------

surrogates = st.text(st.characters(categories=("Cs", "Lu")), max_size=3)
telling = st.sampled_from(
    ["progress", "text", "barChart", "percent", "count", "2026-01-01T00:00:00Z", "2026-01-01Z"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | any_text
    | surrogates
    | telling
)
names = [
    camel(a.name)
    for kind in (Snapshot, Progress, BarChart, Text, Health, Entry, Settings)
    for a in kind.__attrs_attrs__
]
keys = st.sampled_from([*names, "type", "kind", "id", "provider", "env"]) | any_text
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)


class EncodeTests(SynchronousTestCase):
    """Tests for `encode` and `to_json`: the spelling that clients read."""

    def wire(self, line: Line) -> str:
        return encode(line).decode()

    def test_snapshot(self) -> None:
        """A snapshot has its keys in the published order and nothing else."""
        self.assertEqual(
            encode(snapshot("claude", plan=None)).decode(),
            '{"providerId":"claude","displayName":"Claude","plan":null,"lines":['
            '{"type":"progress","label":"Session","used":42.0,"limit":100.0,'
            '"format":{"kind":"percent"},"resetsAt":null,"periodDurationMs":null,"color":null}'
            '],"fetchedAt":"2026-11-24T12:00:00Z"}',
        )

    def test_progress(self) -> None:
        """A progress line with everything known: floats stay floats, resets have milliseconds."""
        line = Progress("Credits", 1, 2.5, Count("credits"), after(hours=1), 18_000_000, "#d97757")

        self.assertEqual(
            self.wire(line),
            '{"type":"progress","label":"Credits","used":1.0,"limit":2.5,'
            '"format":{"kind":"count","suffix":"credits"},'
            '"resetsAt":"2026-11-24T13:00:00.000Z","periodDurationMs":18000000,"color":"#d97757"}',
        )

    def test_dollars(self) -> None:
        """Dollars are a format of one key."""
        self.assertEqual(to_json(Progress("Cost", 1, 2, Dollars()))["format"], {"kind": "dollars"})

    def test_text(self) -> None:
        """A text line has the four keys; what is unknown is null and never left out."""
        self.assertEqual(
            self.wire(Text("Today", "$5.17 · 9.2M tokens")),
            '{"type":"text","label":"Today","value":"$5.17 · 9.2M tokens",'
            '"color":null,"subtitle":null}',
        )

    def test_badge(self) -> None:
        """A badge has the four keys."""
        self.assertEqual(
            self.wire(Badge("Status", "On", "#0f0", "since noon")),
            '{"type":"badge","label":"Status","text":"On","color":"#0f0","subtitle":"since noon"}',
        )

    def test_chart(self) -> None:
        """A chart has its points, each with a float and a label for it or null."""
        self.assertEqual(
            self.wire(BarChart("Usage Trend", [BarPoint("Mon", 3), BarPoint("Tue", 4.5, "4.5K")])),
            '{"type":"barChart","label":"Usage Trend","points":['
            '{"label":"Mon","value":3.0,"valueLabel":null},'
            '{"label":"Tue","value":4.5,"valueLabel":"4.5K"}],"note":null,"color":null}',
        )

    def test_resets_at(self) -> None:
        """`resetsAt` always has three digits of a fraction."""
        for microseconds, digits in ((0, "000"), (161_000, "161"), (5_999, "005")):
            line = Progress("Session", 1, 100, resets_at=NOW.replace(microsecond=microseconds))
            self.assertEqual(to_json(line)["resetsAt"], f"2026-11-24T12:00:00.{digits}Z")

    def test_fetched_at(self) -> None:
        """`fetchedAt` is whole seconds, in UTC whatever zone it came in."""
        berlin = datetime(2026, 7, 1, 2, 0, 0, 999999, timezone(timedelta(hours=2)))

        self.assertEqual(to_json(snapshot(fetched_at=berlin))["fetchedAt"], "2026-07-01T00:00:00Z")

    def test_large(self) -> None:
        """Large amounts are floats still, without an infinity or a loss."""
        text = self.wire(Progress("Tokens", 10**30, 1.7976931348623157e308, Count("tokens")))

        self.assertIn('"used":1e+30,"limit":1.7976931348623157e+308', text)

    def test_surrogates(self) -> None:
        """Half a surrogate pair never costs an answer, wherever it got in."""
        health = Health(message="odd \ud800 body", waiting="\udfff")
        odd: Any = InstanceHealth("a", "A \ud83d", True, None, None, None, 0, None, None, ())

        self.assertIn(b'"message":"odd ? body"', encode(health))
        self.assertIn(b'"displayName":"A ?"', encode(odd))

    def test_unicode(self) -> None:
        """Text beyond ASCII is written as it is, in UTF-8."""
        self.assertIn("Größe · 🙂", encode(Text("Größe · 🙂", "")).decode())

    def test_nan(self) -> None:
        """What is no JSON is refused rather than written."""
        self.assertRaises(ValueError, encode, {"used": math.nan})


class EncodeCollectionTests(SynchronousTestCase):
    """Tests for `encode_collection`."""

    def test_array(self) -> None:
        """Encoded values become one JSON array, in the same order."""
        self.assertEqual(encode_collection([]), b"[]")
        self.assertEqual(encode_collection([b"{}"]), b"[{}]")
        self.assertEqual(json.loads(encode_collection(iter([b"1", b"[2]"]))), [1, [2]])


class InstantTextTests(SynchronousTestCase):
    """Tests for `instant_text`."""

    def test_precision(self) -> None:
        """Milliseconds are there only where there are any."""
        self.assertEqual(instant_text(NOW), "2026-11-24T12:00:00Z")
        self.assertEqual(instant_text(after(milliseconds=7)), "2026-11-24T12:00:00.007Z")

    def test_utc(self) -> None:
        """Other zones are written in UTC."""
        tokyo = NOW.astimezone(timezone(timedelta(hours=9)))

        self.assertEqual(instant_text(tokyo), "2026-11-24T12:00:00Z")


class CamelTests(SynchronousTestCase):
    """Tests for `camel`."""

    def test_names(self) -> None:
        """Attributes are spelled as the API has them."""
        for name, public in {
            "label": "label",
            "resets_at": "resetsAt",
            "auto_update_interval": "autoUpdateInterval",
            "period_ms": "periodDurationMs",
        }.items():
            self.assertEqual(camel(name), public)


class FromJsonTests(SynchronousTestCase):
    """Tests for `from_json`."""

    def wrong(self, value: Any, kind: Any) -> str:
        return str(self.assertRaises(WireError, from_json, value, kind))

    def changed(self, **values: Any) -> dict[str, Any]:
        """A good snapshot with other values in it, or in its only line when it has the key."""
        whole: dict[str, Any] = to_json(snapshot())
        line = whole["lines"][0]
        for key, value in values.items():
            (line if key in line else whole)[key] = value
        return whole

    def test_wrong_types(self) -> None:
        """A value of another type is refused; the words say where, in the public spelling."""
        cases: list[tuple[dict[str, Any], str]] = [
            ({"providerId": 5}, "providerId: must be text, not a whole number"),
            ({"plan": True}, "plan: must be text, not true or false"),
            ({"lines": {}}, "lines: must be a list, not an object"),
            ({"lines": "abc"}, "lines: must be a list, not text"),
            ({"lines": [[]]}, "lines[0]: must be an object, not a list"),
            ({"fetchedAt": 0}, "fetchedAt: must be an instant in UTC ending in Z"),
            ({"fetchedAt": None}, "fetchedAt: must be an instant in UTC ending in Z"),
            ({"used": "42"}, "lines[0].used: must be a number, not text"),
            ({"used": True}, "lines[0].used: must be a number, not true or false"),
            ({"used": 10**400}, "lines[0].used: is too large a number"),
            ({"label": None}, "lines[0].label: must be text, not null"),
            (
                {"periodDurationMs": 1.0},
                "lines[0].periodDurationMs: must be a whole number, not a number",
            ),
            (
                {"resetsAt": "2026-11-24T12:00:00"},
                "lines[0].resetsAt: must be an instant in UTC ending in Z",
            ),
            ({"format": "percent"}, "lines[0].format: must be an object, not text"),
            (
                {"format": {"kind": []}},
                "lines[0].format.kind: must be one of percent, dollars, count",
            ),
            ({"format": {"kind": "count"}}, "lines[0].format.suffix: is missing"),
            ({"type": "pie"}, "lines[0].type: must be one of progress, text, badge, barChart"),
            ({"type": {}}, "lines[0].type: must be one of progress, text, badge, barChart"),
        ]
        for values, expected in cases:
            self.assertEqual(self.wrong(self.changed(**values), Snapshot), expected)

    def test_rules(self) -> None:
        """The rules of the model hold for what is read, with the model's own words."""
        for values, expected in (
            ({"used": math.nan}, "lines[0]: Progress line 'Session': invalid used: nan"),
            ({"used": -1}, "lines[0]: Progress line 'Session': invalid used: -1"),
            (
                {"limit": 50},
                "lines[0]: Progress line 'Session': percent format requires limit=100 (got 50)",
            ),
            ({"lines": []}, "Snapshot: fake: no lines"),
            ({"displayName": " "}, "Snapshot: empty display_name"),
        ):
            self.assertEqual(self.wrong(self.changed(**values), Snapshot), expected)

    def test_missing(self) -> None:
        """A key that must be there is named."""
        self.assertIn("providerId: is missing", self.wrong({}, Snapshot))
        self.assertEqual(
            self.wrong({"type": "text", "label": "Today"}, ANY_LINE), "value: is missing"
        )

    def test_whole(self) -> None:
        """What is wrong as a whole has no path."""
        self.assertEqual(self.wrong([], Snapshot), "must be an object, not a list")
        self.assertEqual(self.wrong("2026", datetime), "must be an instant in UTC ending in Z")
        self.assertEqual(self.wrong(10**400, float), "is too large a number")

    def test_keys_of_objects(self) -> None:
        """Keys that a person chose are named as they are written."""
        account = {"id": "a", "provider": "b", "env": {"MY_HOME_DIR": 5, "odd key": None, "x.y": 1}}

        self.assertEqual(
            self.wrong(account, Account),
            "env.MY_HOME_DIR: must be text, not a whole number;"
            " env['x.y']: must be text, not a whole number",
        )

    def test_few_words(self) -> None:
        """However much is wrong, the words stay few; `faults` has all."""
        error = self.assertRaises(WireError, from_json, [None] * 1000, tuple[int, ...])

        self.assertLess(len(str(error)), 300)
        self.assertEqual(len(error.faults), 1000)
        self.assertEqual(error.faults[999], Fault("must be a whole number, not null", (999,)))

    def test_newer(self) -> None:
        """Keys that a later version may add are ignored."""
        self.assertEqual(from_json(self.changed(iconUrl="x"), Snapshot), snapshot())

    def test_absent(self) -> None:
        """Keys with a default may be absent."""
        self.assertEqual(from_json({}, Entry), Entry())
        self.assertEqual(
            from_json({"type": "text", "label": "a", "value": "b"}, ANY_LINE), Text("a", "b")
        )

    @settings(deadline=None, max_examples=150)
    @given(entries)
    def test_round_trip(self, entry: Entry) -> None:
        """Whatever exists comes back exactly as it was, through the bytes of JSON."""
        self.assertEqual(from_json(json.loads(encode(entry)), Entry), entry)

    @settings(deadline=None, max_examples=150)
    @given(snapshots)
    def test_snapshot_round_trip(self, made: Snapshot) -> None:
        """A snapshot that was read is written with the very bytes it was read from."""
        body = encode(made)

        again = from_json(json.loads(body), Snapshot)

        self.assertEqual(again, made)
        self.assertEqual(encode(again), body)
        self.assertEqual(
            [next(iter(line)) for line in json.loads(body)["lines"]], ["type"] * len(made.lines)
        )

    @settings(deadline=None, max_examples=400)
    @given(anything, st.sampled_from(KINDS))
    def test_anything(self, value: Any, kind: Any) -> None:
        """JSON of any shape is read or refused with a `WireError`, and with nothing else."""
        try:
            from_json(value, kind)
        except WireError as error:
            self.assertTrue(error.faults)

    @settings(deadline=None, max_examples=300)
    @given(st.sampled_from([to_json(snapshot()), to_json(Entry(snapshot()))]), st.data())
    def test_nearly(self, whole: dict[str, Any], data: st.DataObject) -> None:
        """A good value with any one thing in it replaced is read, or refused with a `WireError`."""
        spoiled = json.loads(json.dumps(whole))
        place: Any = spoiled
        while True:
            key = data.draw(
                st.sampled_from(range(len(place)) if isinstance(place, list) else sorted(place))
            )
            if (
                not isinstance(place[key], (dict, list))
                or not place[key]
                or data.draw(st.booleans())
            ):
                break
            place = place[key]
        place[key] = data.draw(anything)
        kind: Any = Entry if "health" in whole else Snapshot
        try:
            from_json(spoiled, kind)
        except WireError as error:
            self.assertTrue(error.faults)


class FieldErrorTests(SynchronousTestCase):
    """Tests for `FieldError`."""

    def test_path(self) -> None:
        """Raised by a class, it leads to the attribute in the public spelling, and into it."""
        error = self.assertRaises(WireError, from_json, {"order": ["a", "B"]}, Plugins)

        self.assertEqual(error.faults[0].path, ("order", 1))
        self.assertEqual(FieldError("must be short", "time_zone").path, ("time_zone",))


class FaultTests(SynchronousTestCase):
    """Tests for `Fault`."""

    def test_where(self) -> None:
        """The path reads as a person would write it."""
        for path, text in (
            ((), ""),
            (("lines", 0, "resetsAt"), "lines[0].resetsAt"),
            (("env", "A B"), "env['A B']"),
            ((3,), "[3]"),
        ):
            self.assertEqual(Fault("is missing", path).where, text)

    def test_text(self) -> None:
        """As text it is the place, if there is one, and the reason."""
        fault = Fault("is missing", ("id",))

        self.assertEqual(str(fault), "id: is missing")
        self.assertEqual(str(evolve(fault, path=())), "is missing")
