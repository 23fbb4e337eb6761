"""The person's settings: `settings.json` as values, checked, read and edited.

```
{"plugins": {"order": [ID, …], "disabled": [ID, …], "enabled": [ID, …]},
 "autoUpdateInterval": 5,
 "accounts": [{"id": "claude-work", "provider": "claude", "name": "Claude (work)",
               "env": {"CLAUDE_CONFIG_DIR": "~/.claude-work"}, "home": null}],
 "refreshCredentials": false | true | [ID, …],
 "timeZone": "Europe/Berlin",
 "userAgents": {ID: "…"},
 "refreshPrices": true}
```
Every key is optional. A key that is not known is reported and left in the file when it is edited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from attrs import Attribute, evolve, field, fields, frozen

from openusage.disk import replace_file
from openusage.jsontext import line_of
from openusage.wire import Fault, FieldError, WireError, camel, from_json

__all__ = [
    "Account",
    "Plugins",
    "Settings",
    "SettingsError",
    "edit_settings",
    "is_id",
    "parse_settings",
    "read_settings",
]

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_EVERY = "*"


class SettingsError(Exception):
    """A settings file that cannot be used: file, line, key, and what would be allowed."""


def is_id(text: str) -> bool:
    """Whether `text` may be the id of a provider or account, and so the name of its files."""
    return _ID.fullmatch(text) is not None


def _within(low: int, high: int) -> Any:
    def validate(_: object, attribute: Attribute[Any], value: int) -> None:
        if not low <= value <= high:
            reason = f"must be a whole number from {low} to {high}"
            raise FieldError(reason, attribute.name)

    return validate


def _id(_: object, attribute: Attribute[Any], value: str, *place: int) -> None:
    if not is_id(value):
        reason = "must be an id (lower-case letters, digits, `.`, `_`, `-`)"
        raise FieldError(reason, attribute.name, *place)


def _ids(instance: object, attribute: Attribute[Any], value: tuple[str, ...]) -> None:
    for place, name in enumerate(value):
        _id(instance, attribute, name, place)


def _unique(_: object, attribute: Attribute[Any], value: tuple[Account, ...]) -> None:
    names = [account.id for account in value]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise FieldError(
                "must be another id than that of an account before", attribute.name, place, "id"
            )


def _not_blank(_: object, attribute: Attribute[Any], value: str | None) -> None:
    if value is not None and not value.strip():
        raise FieldError("must not be blank", attribute.name)


def _zone(_: object, attribute: Attribute[Any], value: str | None) -> None:
    if value is None:
        return
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as error:
        raise FieldError("must be a name such as Europe/Berlin", attribute.name) from error


def _agents(_: object, attribute: Attribute[Any], value: Mapping[str, str]) -> None:
    for name, agent in value.items():
        if not agent.strip() or not agent.isascii() or not agent.isprintable():
            raise FieldError("must be printable ASCII text", attribute.name, name)


@frozen
class Plugins:
    """Which providers are shown, in which order. Explicit choices win over detection."""

    order: tuple[str, ...] = field(default=(), validator=_ids)
    disabled: tuple[str, ...] = field(default=(), validator=_ids)
    enabled: tuple[str, ...] = field(default=(), validator=_ids)


@frozen
class Account:
    """One more instance of a provider: an overlay of its environment, or another home folder."""

    id: str = field(validator=_id)
    provider: str = field(validator=_id)
    name: str | None = field(default=None, validator=_not_blank)
    env: dict[str, str | None] = field(factory=dict)
    home: str | None = None


@frozen
class Settings:
    """All settings; the defaults are those of an absent file.

    `auto_update_interval` is minutes. `refresh_credentials` holds instance ids, or `*` for all.
    `unknown` are keys of the file that mean nothing to us, such as `plugins.hidden`.
    """

    plugins: Plugins = field(factory=Plugins)
    auto_update_interval: int = field(default=5, validator=_within(1, 60))
    accounts: tuple[Account, ...] = field(default=(), validator=_unique)
    refresh_credentials: tuple[str, ...] = ()
    time_zone: str | None = field(default=None, validator=_zone)
    user_agents: dict[str, str] = field(factory=dict, validator=_agents)
    refresh_prices: bool = True
    unknown: tuple[str, ...] = ()

    def may_refresh(self, instance_id: str) -> bool:
        """Whether the person allowed the refresh tokens of this instance to be spent."""
        return _EVERY in self.refresh_credentials or instance_id in self.refresh_credentials


def read_settings(path: Path) -> Settings:
    """The settings in `path`; the defaults when there is no such file. Raises `SettingsError`."""
    return parse_settings(_text(path), path.name)


def parse_settings(text: str, name: str = "settings.json") -> Settings:
    """The settings in `text`. Raises `SettingsError` with line and key."""
    raw = _object(text, name)
    choice = raw.get("refreshCredentials")
    if isinstance(choice, bool):
        raw = {**raw, "refreshCredentials": [_EVERY] if choice else []}
    try:
        settings = from_json({k: v for k, v in raw.items() if k in _keys(Settings)}, Settings)
    except WireError as error:
        raise SettingsError(_located(error.faults[0], text, name)) from error
    return evolve(settings, unknown=tuple(sorted(_unknown(raw))))


def edit_settings(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Apply `change` to the JSON object in `path` and write it back, if the result is valid.

    Unknown keys stay. Raises `SettingsError`, and then the file is untouched.
    """
    raw = _object(_text(path), path.name)
    change(raw)
    try:
        text = json.dumps(raw, indent=2, ensure_ascii=False) + "\n"
    except RecursionError as error:
        raise _too_deep(path.name) from error
    parse_settings(text, path.name)
    try:
        # Half a surrogate pair, which only an escape can spell in JSON, is spelled so again.
        replace_file(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise SettingsError(f"{path.name}: cannot be written ({error.strerror})") from error


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        return "{}"
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SettingsError(f"{path.name}: cannot be read ({reason})") from error


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingsError(f"{name}, line {error.lineno}: {error.msg}") from error
    except ValueError as error:  # a number of thousands of digits
        raise SettingsError(f"{name}: a number is too long") from error
    except RecursionError as error:
        raise _too_deep(name) from error
    if not isinstance(raw, dict):
        raise SettingsError(f"{name}: must hold a JSON object")
    return raw


def _too_deep(name: str) -> SettingsError:
    return SettingsError(f"{name}: nested too deeply")


def _located(fault: Fault, text: str, name: str) -> str:
    """`fault` as `settings.json, line 3: plugins.order must be a list, not text`."""
    return f"{name}, line {line_of(text, fault.path)}: {fault.where} {fault.reason}"


def _keys(kind: type[Settings | Plugins | Account]) -> set[str]:
    return {camel(attribute.name) for attribute in fields(kind)} - {"unknown"}


def _unknown(raw: Mapping[str, Any]) -> Iterator[str]:
    """The keys of valid settings that mean nothing to us."""
    yield from raw.keys() - _keys(Settings)
    yield from (f"plugins.{key}" for key in raw.get("plugins", {}).keys() - _keys(Plugins))
    for place, account in enumerate(raw.get("accounts", ())):
        yield from (f"accounts[{place}].{key}" for key in account.keys() - _keys(Account))
