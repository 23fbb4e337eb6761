"""Instants in the many spellings in which services and tools write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

from openusage.host.numbers import number

__all__ = ["from_epoch", "iso_text", "parse_instant"]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Below this a bare number counts seconds (until the year 2286), from here on milliseconds.
_MILLISECONDS = 1e10
# No date takes more characters; a longer text is not worth the time to look for one.
_LONGEST = 100

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_SPACED = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) (?=[0-9]{2}:[0-9]{2}:[0-9]{2})")
_BARE_OFFSET = re.compile(r"([+-][0-9]{2})([0-9]{2})")
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})(?:-([0-9]{2}))?"
    r"(T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)? ?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"(?P<{}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WORDED = re.compile(
    r"(?:[a-z]{3,9}\.?,? +)??"  # the day of the week tells nothing new
    rf"(?:(?P<d1>[0-9]{{1,2}})[ -]{_MONTH.format('m1')}"
    rf"|{_MONTH.format('m2')} +(?P<d2>[0-9]{{1,2}}))"
    r",?[ -](?P<year>[0-9]{4})"
    r"(?:,? +(?:at +)?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?"
    r"(?: ?(?P<half>[ap])\.?m\.?)?)?"
    r"(?: *(?P<zone>GMT|UTC|UT|Z|[ECMP][SD]T)?(?P<offset>[+-][0-9]{2}:?[0-9]{2})?)?"
    r"(?: +\([^()]*\))?",
    re.IGNORECASE,
)
_AMERICAN = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}


def from_epoch(seconds: object) -> datetime | None:
    """The instant `seconds` after 1970 began, cut to milliseconds.

    `None` for what is no number, and outside the calendar.
    """
    value = number(seconds)
    return None if value is None else _from_milliseconds(value * 1000)


def iso_text(instant: datetime) -> str:
    """`2026-11-24T12:00:00.000Z`, as JavaScript writes an aware `instant`."""
    utc = instant.astimezone(timezone.utc).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"


def parse_instant(value: object, zone: tzinfo = timezone.utc) -> datetime | None:
    """The instant that `value` names, as aware UTC cut to milliseconds; `None` when it names none.

    Read are ISO 8601 (without an offset it is UTC, a date alone is midnight UTC), Unix time in
    seconds or milliseconds as a number or as text, and dates with the month in words: RFC 2822 and
    `Feb 1, 2026`, in `zone` unless they say otherwise. A `datetime` without zone is in `zone` too.
    """
    try:
        if isinstance(value, datetime):
            return _utc(value if value.tzinfo else value.replace(tzinfo=zone))
        if isinstance(value, str):
            return _from_text(value.strip(), zone)
    except (ValueError, OverflowError):  # a day or hour that does not exist
        return None
    return _from_number(number(value))


def _from_number(value: float | None) -> datetime | None:
    if value is None:
        return None
    return _from_milliseconds(value * 1000 if abs(value) < _MILLISECONDS else value)


def _from_milliseconds(value: float) -> datetime | None:
    try:
        return _EPOCH + timedelta(milliseconds=int(value))
    except OverflowError:
        return None


def _from_text(text: str, zone: tzinfo) -> datetime | None:
    if len(text) > _LONGEST:
        return None
    text = _SPACED.sub(r"\1T", text, count=1) if _SPACED.match(text) else text
    if text.endswith(" UTC"):
        text = f"{text[:-4]}Z"
    if _NUMBER.fullmatch(text):
        return _from_number(number(float(text)))
    if _BARE_OFFSET.fullmatch(text[-5:]):
        text = f"{text[:-2]}:{text[-2:]}"
    if iso := _ISO.fullmatch(text):
        return _from_iso(iso)
    worded = _WORDED.fullmatch(text)
    return _from_words(worded, zone) if worded else None


def _from_iso(match: re.Match[str]) -> datetime:
    year, month, day, time, hour, minute, second, fraction, offset = match.groups()
    if time is None:
        return datetime(int(year), int(month), int(day or 1), tzinfo=timezone.utc)
    written = _datetime(
        int(year), int(month), int(day or 1), int(hour), int(minute), int(second or 0)
    )
    milliseconds = int((fraction or "")[:3].ljust(3, "0"))
    return _utc((written + timedelta(milliseconds=milliseconds)).replace(tzinfo=_offset(offset)))


def _from_words(match: re.Match[str], zone: tzinfo) -> datetime:
    part = match.groupdict()
    month = _MONTHS.index((part["m1"] or part["m2"]).lower()) + 1
    hour = int(part["hour"] or 0)
    if half := part["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    written = _datetime(
        int(part["year"]),
        month,
        int(part["d1"] or part["d2"]),
        hour,
        int(part["minute"] or 0),
        int(part["second"] or 0),
    )
    if part["zone"] or part["offset"]:
        return _utc(written.replace(tzinfo=_named(part["zone"], part["offset"])))
    return _utc(written.replace(tzinfo=zone))


def _datetime(year: int, month: int, day: int, hour: int, minute: int, second: int) -> datetime:
    if (hour, minute, second) == (24, 0, 0):  # the midnight that ends the day
        return datetime(year, month, day) + timedelta(days=1)  # noqa: DTZ001 (zone follows)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 (zone follows)


def _named(name: str | None, offset: str | None) -> timezone:
    if offset is None and name and name.upper() in _AMERICAN:
        return timezone(timedelta(hours=_AMERICAN[name.upper()]))
    return _offset(offset)


def _offset(text: str | None) -> timezone:
    if text is None or text in "Zz":
        return timezone.utc
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if int(text[-2:]) > 59:
        raise ValueError(text)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _utc(value: datetime) -> datetime:
    value = value.astimezone(timezone.utc)
    return value.replace(microsecond=value.microsecond // 1000 * 1000)
