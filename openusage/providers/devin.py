"""`Devin`: daily and weekly quota of a Devin plan, and the balance for extra usage.

The usage comes from the endpoint that the Devin CLI and desktop application ask (seen 2026-11). Its
answer is a protobuf message printed as JSON, in which a value of 0 is left out.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen
from zope.interface import implementer

from openusage.host import Host
from openusage.host.appstate import read_items
from openusage.host.instants import from_epoch
from openusage.host.numbers import clamp, money, number, numeric, rounded
from openusage.host.places import app_folder, data_home, local_app_folder, shown, state_database
from openusage.host.secrets import credential_json
from openusage.host.values import first_text, text_of
from openusage.model import (
    Line,
    ProbeError,
    Progress,
    Snapshot,
    Text,
    TokenExpiredError,
    UnexpectedResponseError,
)
from openusage.providers.asking import Words, ask
from openusage.providers.interface import DeclaredLine, IProvider, Link
from openusage.providers.keys import env_key, usable
from openusage.providers.shape import Shape
from openusage.providers.spacing import Answer, spaced
from openusage.providers.stored import Missing, not_logged_in, stored_text
from openusage.providers.words import NO_DATA
from openusage.tomltext import toml_table

__all__ = ["Devin"]

_LOG_IN = "Run `devin auth login` or sign in to Devin and try again."
_UNAVAILABLE = "Devin quota data unavailable. Try again later."
_WORDS = Words(_LOG_IN, unreachable=_UNAVAILABLE, status=_UNAVAILABLE, invalid=_UNAVAILABLE)

_SERVER = "https://server.codeium.com"
_PATH = "/exa.seat_management_pb.SeatManagementService/GetUserStatus"
_HEADERS = {"Connect-Protocol-Version": "1"}
# The service answers 400 when one of these is missing.
_CLIENT = {
    "ideName": "devin",
    "ideVersion": "1.108.2",
    "extensionName": "devin",
    "extensionVersion": "1.108.2",
    "locale": "en",
}
_SECONDS = 15.0

_APPS = ("Devin", "Devin - Next")
_APP_KEY = "windsurfAuthStatus"
_VARIABLES = ("WINDSURF_API_KEY", "DEVIN_API_KEY")

_DAY_MS = 86_400_000
_CAPITAL = re.compile(r"(?=[A-Z])")
_SHAPE: Mapping[str, Shape] = {
    "plan": "any",
    "daily": "number",
    "dailyReset": "number",
    "weekly": "number",
    "weeklyReset": "number",
    "overageMicros": "number",
}


@implementer(IProvider)
@frozen
class Devin:
    """Daily and weekly quota of a Devin plan, and the balance for extra usage."""

    id: str = "devin"
    name: str = "Devin"
    brand_color: str = "#000000"
    lines: Sequence[DeclaredLine] = (
        DeclaredLine("Weekly quota", "progress", "overview", "weekly", primary=1, weekly=True),
        DeclaredLine("Daily quota", "progress", "overview", "daily"),
        DeclaredLine("Extra usage balance", "text", resource="extraUsageBalance"),
    )
    links: Sequence[Link] = (Link("Dashboard", "https://app.devin.ai/settings/plans"),)

    async def detect(self, host: Host) -> str | None:
        """The file or variable with a key."""
        for source in _sources(host):
            found = await source()
            if isinstance(found, Login):
                return found.shown
        return None

    async def probe(self, host: Host) -> Snapshot:
        """What the first login tells that has anything to tell."""
        host.watch(*_files(host))
        answer = await _find_usage(host)
        plan = text_of(answer.body.get("plan")) or "Unknown"
        return host.snapshot(_lines(answer.body) or [NO_DATA], plan, answer.at)


# --- credentials ----------------------------------------------------------------------------------


@frozen
class Login:
    """An API key and the server it is for; `shown` names where it was found."""

    key: str = field(repr=False)
    server: str = field(repr=False)
    shown: str = field(eq=False)


Source: TypeAlias = Callable[[], Awaitable[Login | Missing]]


async def _find_usage(host: Host) -> Answer:
    """Ask with one login after the other until there is something to show.

    Raises the refusal if a login was refused, else the first other trouble.
    """
    refused: TokenExpiredError | None = None
    trouble: ProbeError | None = None
    missing: list[Missing] = []
    tried: set[Login] = set()
    for source in _sources(host):
        login = await source()
        if isinstance(login, Missing):
            missing.append(login)
            continue
        if login in tried:
            continue
        tried.add(login)
        identity = f"{login.key} {login.server}"
        host.identify(identity)
        try:
            return await spaced(host, identity, _SHAPE, partial(_fetch, host, login))
        except TokenExpiredError as error:
            refused = error
        except ProbeError as error:
            trouble = trouble or error
    if not tried:
        # Only then: a running application writes to its database all the time.
        host.watch(*_databases(host))
    raise refused or trouble or not_logged_in(_LOG_IN, *missing)


def _sources(host: Host) -> Sequence[Source]:
    """Where logins may be, best first; each is read when it is called."""
    return (
        *(partial(_from_file, host, path) for path in _files(host)),
        *(partial(_from_app, host, path) for path in _databases(host)),
        partial(_from_environment, host),
    )


def _files(host: Host) -> Sequence[Path]:
    """The CLI's files; the last place is that of its first versions."""
    if host.platform == "win32":
        folders = [app_folder(host, "devin"), local_app_folder(host, "devin")]
    else:
        folders = [data_home(host) / "devin", host.path("~/.local/share/devin")]
    folders.append(host.path("~/.devin"))
    return [folder / "credentials.toml" for folder in dict.fromkeys(folders)]


def _databases(host: Host) -> Sequence[Path]:
    return [state_database(host, app) for app in _APPS]


async def _from_file(host: Host, path: Path) -> Login | Missing:
    text = await stored_text(host, path)
    if isinstance(text, Missing):
        return text
    place = shown(host, path)
    try:
        table = await host.run(toml_table, text)
    except ValueError:
        return Missing(f"{place} is no TOML")
    key = usable(host, first_text(table, "windsurf_api_key"), place)
    if key is None:
        return Missing(f"{place} has no windsurf_api_key")
    server = first_text(table, "api_server_url") or ""
    return Login(key.value, server.rstrip("/") if server.startswith("https://") else _SERVER, place)


async def _from_app(host: Host, path: Path) -> Login | Missing:
    place = shown(host, path)
    stored = (await read_items(host, path, _APP_KEY)).get(_APP_KEY, "")
    key = usable(host, first_text(credential_json(stored) or {}, "apiKey"), place)
    return Login(key.value, _SERVER, place) if key else Missing(f"{place} has no login")


async def _from_environment(host: Host) -> Login | Missing:
    key = env_key(host, *_VARIABLES)
    if key is None:
        return Missing(f"{' and '.join(_VARIABLES)} are not set")
    return Login(key.value, _SERVER, key.shown)


# --- request --------------------------------------------------------------------------------------


async def _fetch(host: Host, login: Login) -> Mapping[str, Any]:
    """The figures for one login; `UnexpectedResponseError` where there are none to show."""
    url, metadata = f"{login.server}{_PATH}", {"apiKey": login.key, **_CLIENT}
    body = await ask(
        host, "POST", url, _WORDS, headers=_HEADERS, json={"metadata": metadata}, timeout=_SECONDS
    )
    usage = _usage(body)
    if not _lines(usage):
        raise UnexpectedResponseError(_UNAVAILABLE)
    return usage


def _usage(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The figures in an answer, which may have its keys in camel or in snake case."""
    status = _part(_part(body, "userStatus"), "planStatus")
    info = _part(status, "planInfo")
    daily, daily_reset = _window(status, "daily")
    weekly, weekly_reset = _window(status, "weekly")
    if _is_yes(_value(info, "hideDailyQuota")):
        if weekly is None and weekly_reset is None:
            weekly = numeric(_value(status, "dailyQuotaRemainingPercent"))
        daily = None
    return {
        "plan": text_of(_value(info, "planName")),
        "daily": daily,
        "dailyReset": daily_reset,
        "weekly": weekly,
        "weeklyReset": weekly_reset,
        "overageMicros": numeric(_value(status, "overageBalanceMicros")),
    }


def _window(status: Mapping[str, Any], name: str) -> tuple[float | None, float | None]:
    """What is left of a window in percent, and when it ends.

    A window that ends and of which nothing is said has nothing left: 0 is left out.
    """
    remaining = _value(status, f"{name}QuotaRemainingPercent", absent := object())
    reset = numeric(_value(status, f"{name}QuotaResetAtUnix"))
    reset = reset if reset is not None and reset > 0 else None
    if remaining is absent:
        return (None if reset is None else 0.0), reset
    return numeric(remaining), reset


def _value(values: Mapping[str, Any], name: str, default: object = None) -> Any:
    return values.get(name, values.get(_CAPITAL.sub("_", name).lower(), default))


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = _value(values, name)
    return value if isinstance(value, Mapping) else {}


def _is_yes(value: object) -> bool:
    return value == 1 or (isinstance(value, str) and value.strip().lower() == "true")


# --- lines ----------------------------------------------------------------------------------------


def _lines(usage: Mapping[str, Any]) -> list[Line]:
    daily = _bar("Daily quota", usage.get("daily"), usage.get("dailyReset"), _DAY_MS)
    weekly = _bar("Weekly quota", usage.get("weekly"), usage.get("weeklyReset"), 7 * _DAY_MS)
    lines: list[Line] = [bar for bar in (daily, weekly) if bar is not None]
    micros = number(usage.get("overageMicros"))
    if micros is not None:
        lines.append(Text("Extra usage balance", money(max(0.0, micros) / 1_000_000)))
    return lines


def _bar(label: str, left: object, reset: object, period_ms: int) -> Progress | None:
    percent = number(left)
    if percent is None:
        return None
    # To the digits that are there: 100 - 99.4 is 0.5999999999999943.
    used = rounded(100 - clamp(percent), 6)
    return Progress(label, used, 100, resets_at=from_epoch(reset), period_ms=period_ms)
