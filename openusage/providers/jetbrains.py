"""JetBrains AI Assistant: the credits of a plan, as the IDEs themselves keep them in a file.

Nothing is asked and no login is needed. Each IDE has a folder of its own, such as `WebStorm2025.3`,
in the folder `JetBrains` of the person's settings (Android Studio in `Google`), and in that (seen
2026-11)

    options/AIAssistantQuotaManager2.xml

    <application>
      <component name="AIAssistantQuotaManager2">
        <option name="nextRefill" value="{ &quot;type&quot;: &quot;Known&quot;, … }" />
        <option name="quotaInfo" value="{ &quot;type&quot;: &quot;Available&quot;, … }" />

where the attributes hold JSON:

    quotaInfo   {"current": "250000", "maximum": "1000000", "available": "750000", "until": ISO,
                 "tariffQuota": {"current", "maximum", "available"}, "topUpQuota": {the same}}
    nextRefill  {"next": ISO, "tariff": {"amount": "1000000", "duration": "PT720H"}}, or null

Amounts are numbers or text, in hundred-thousandths of a credit unless all of them are small.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from attrs import evolve, frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.instants import parse_instant
from openusage.host.numbers import clamp, number, numeric, rounded, shortest
from openusage.host.places import app_folder, data_home, shown
from openusage.host.values import first_text, object_at
from openusage.jsontext import object_in
from openusage.model import Line, NotAvailableError, Progress, Snapshot, Text
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.stored import Missing, not_logged_in

__all__ = ["JetBrains"]

FILE = "AIAssistantQuotaManager2.xml"
_COMPONENT = "AIAssistantQuotaManager2"
_LARGEST = 2**20

_IDES = (
    *("AndroidStudio", "AppCode", "Aqua", "CLion", "DataGrip", "DataSpell", "Fleet", "GoLand"),
    *("IdeaIC", "IntelliJIdea", "PhpStorm", "PyCharm", "Rider", "RubyMine", "RustRover"),
    *("WebStorm", "Writerside"),
)
_VERSION = re.compile(r"[0-9]{4}\.[0-9]")
_VENDORS = ("JetBrains", "Google")
_SYSTEMS = ("darwin", "linux", "win32")

_CREDIT = 100_000
_DURATION = re.compile(r"PT(?P<hours>[0-9]{1,9})H|P(?P<days>[0-9]{1,9})D|P(?P<weeks>[0-9]{1,9})W")
_HOUR_MS = 3_600_000
_HOURS = {"hours": 1, "days": 24, "weeks": 168}

NOT_DETECTED = (
    "JetBrains AI Assistant not detected. Open a JetBrains IDE with AI Assistant enabled."
)
UNAVAILABLE = "JetBrains AI Assistant quota data unavailable. Open AI Assistant once and try again."


@implementer(IProvider)
@frozen
class JetBrains:
    """Credits of JetBrains AI Assistant, from the file in which the IDEs keep them."""

    id: str = "jetbrains-ai-assistant"
    name: str = "JetBrains AI Assistant"
    brand_color: str = "#7d5fe6"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Quota", "progress", "overview", "quota", primary=1),
        DeclaredLine("Used", "text"),
        DeclaredLine("Remaining", "text"),
    )
    links: Sequence[Link] = (Link("Account", "https://account.jetbrains.com/"),)

    async def detect(self, host: Host) -> str | None:
        """The first quota file of an IDE, whether or not there is a quota in it."""
        for file in await _files(host):
            if not isinstance(await _options(host, file), Missing):
                return shown(host, file)
        return None

    async def probe(self, host: Host) -> Snapshot:
        """The quota of the IDE that has the newest one.

        Raises `NotLoggedInError` where no IDE has such a file, and `NotAvailableError` where no
        file holds a quota.
        """
        folders = [*_folders(host)]
        files = await _files(host)
        host.watch(*folders, *files)
        found = [await _quota(host, file) for file in files if await host.files.exists(file)]
        if not found:
            raise not_logged_in(NOT_DETECTED, *_nowhere(host, folders))
        quotas = [quota for quota in found if isinstance(quota, Quota)]
        if not quotas:
            reasons = "; ".join(each.reason for each in found if isinstance(each, Missing))
            raise NotAvailableError(f"{UNAVAILABLE} ({reasons}.)")
        # There is no account in the files: who shares the folders shares the quota.
        host.identify("|".join(map(str, folders)))
        quota = max(quotas, key=Quota.rank)
        if quota.resets_at is not None and quota.resets_at <= host.now():
            host.note("The quota was refilled since. Open a JetBrains IDE to see the new one.")
        return host.snapshot(_lines(quota))


# --- the files ------------------------------------------------------------------------------------


def _folders(host: Host) -> Iterator[Path]:
    """Where IDEs have their folders; on a system that is not known, where they have it on any."""
    for system in (host.platform,) if host.platform in _SYSTEMS else _SYSTEMS:
        for vendor in _VENDORS:
            yield app_folder(evolve(host, platform=system), vendor)
        if system == "linux":
            yield data_home(host) / "JetBrains"


async def _files(host: Host) -> list[Path]:
    """Where the IDEs that are there have the quota, if they have one."""
    folders = [folder for parent in _folders(host) for folder in await host.files.list(parent)]
    return [folder / "options" / FILE for folder in folders if _is_ide(folder.name)]


def _is_ide(name: str) -> bool:
    name = name.strip()
    return name.startswith(_IDES) and _VERSION.search(name) is not None


def _nowhere(host: Host, folders: Sequence[Path]) -> Iterator[Missing]:
    for folder in folders:
        yield Missing(f"{shown(host, folder)} has no IDE with {FILE}")


async def _options(host: Host, file: Path) -> Mapping[str, str] | Missing:
    """The options in a quota file, by name."""
    try:
        data = await host.files.read(file, _LARGEST)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or type(error).__name__})"
    else:
        options = await host.run(_parsed, data)
        if options is not None:
            return options
        reason = "is damaged"
    return Missing(f"{shown(host, file)} {reason}")


def _parsed(data: bytes) -> dict[str, str] | None:
    try:
        # The file is the person's own and small, and expat itself keeps entities from growing
        # without end; others are never fetched.
        root = ET.fromstring(data)  # noqa: S314
    except (ET.ParseError, ValueError, LookupError):  # the last two for encodings
        return None
    if all(component.get("name") != _COMPONENT for component in root.iter("component")):
        return None
    options = [*root.iter("option")]
    return {option.get("name", ""): option.get("value", "") for option in reversed(options)}


# --- the quota ------------------------------------------------------------------------------------


@frozen
class Quota:
    """What an IDE knows of the quota; amounts are as they stand in the file."""

    used: float
    maximum: float
    remaining: float
    refill: float
    ends_at: datetime | None
    resets_at: datetime | None
    period_ms: int | None

    def rank(self) -> tuple[float, float, float]:
        """Of several quotas the last one counts, then the one that is used the most."""
        ends = -math.inf if self.ends_at is None else self.ends_at.timestamp()
        return ends, self.used / self.maximum, self.used


async def _quota(host: Host, file: Path) -> Quota | Missing:
    options = await _options(host, file)
    if isinstance(options, Missing):
        host.note(f"{options.reason} and was skipped.")
        return options
    quota = _quota_of(_in(options, "quotaInfo"), _in(options, "nextRefill"))
    return quota or Missing(f"{shown(host, file)} has no quota")


def _in(options: Mapping[str, str], name: str) -> Mapping[str, Any]:
    return object_in(options.get(name, "")) or {}


def _quota_of(info: Mapping[str, Any], refill: Mapping[str, Any]) -> Quota | None:
    maximum, used = _amount(info, "maximum"), _amount(info, "current")
    if maximum is None or maximum <= 0 or used is None:
        return None
    remaining = _amount(info, "available")
    tariff = {**refill, **object_at(refill, "tariff")}
    until, next_refill = info.get("until"), refill.get("next")
    return Quota(
        used=clamp(used, 0, maximum),
        maximum=maximum,
        remaining=clamp(maximum - used if remaining is None else remaining, 0, maximum),
        refill=numeric(tariff.get("amount")) or 0,
        ends_at=parse_instant(until) or parse_instant(next_refill),
        resets_at=parse_instant(until if next_refill in (None, "") else next_refill),
        period_ms=_period_ms(first_text(tariff, "duration")),
    )


def _amount(info: Mapping[str, Any], key: str) -> float | None:
    """An amount as it stands there, else the sum of what the plan and what was bought have."""
    whole = numeric(info.get(key))
    if whole is not None:
        return whole
    parts = [numeric(object_at(info, pool).get(key)) for pool in ("tariffQuota", "topUpQuota")]
    known = [part for part in parts if part is not None]
    return number(sum(known)) if known else None


def _period_ms(duration: str | None) -> int | None:
    """An ISO 8601 duration of hours, days or weeks alone; others have no fixed length."""
    match = _DURATION.fullmatch(duration or "")
    if match is None:
        return None
    hours = sum(int(count) * _HOURS[unit] for unit, count in match.groupdict("0").items())
    period = hours * _HOUR_MS
    return period if 0 < period <= Progress.LONGEST_MS else None


# --- the lines ------------------------------------------------------------------------------------


def _lines(quota: Quota) -> list[Line]:
    share = clamp(quota.used / quota.maximum * 100)
    used, remaining = _words(quota)
    return [
        Progress("Quota", share, 100, resets_at=quota.resets_at, period_ms=quota.period_ms),
        Text("Used", used),
        Text("Remaining", remaining),
    ]


def _words(quota: Quota) -> tuple[str, str]:
    """What is used and what is left; small amounts are not in parts of a credit."""
    amounts = (quota.used, quota.maximum, quota.remaining, abs(quota.refill))
    if max(amounts) < _CREDIT:
        return shortest(quota.used), shortest(quota.remaining)
    used, maximum = _credits(quota.used), _credits(quota.maximum)
    return f"{used} / {maximum} credits", f"{_credits(quota.remaining)} credits"


def _credits(amount: float) -> str:
    return shortest(rounded(amount / _CREDIT, 2))
