"""The model to and from JSON: our public spelling, in one place.

`camelCase` outside, `snake_case` inside; `type` comes first and tells the lines apart; unknown
values are `null` and never left out; numbers of a line are floats; instants are UTC ending in `Z`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from types import GenericAlias
from typing import Any, TypeAlias, TypeVar, get_args, get_origin

from attrs import fields, frozen, has
from cattrs import (
    AttributeValidationNote,
    BaseValidationError,
    Converter,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from openusage.model import (
    Badge,
    BarChart,
    Count,
    Dollars,
    Format,
    Line,
    Percent,
    ProbeError,
    Progress,
    Text,
)

__all__ = [
    "Fault",
    "FieldError",
    "JsonPath",
    "WireError",
    "camel",
    "encode",
    "encode_collection",
    "from_json",
    "instant_text",
    "to_json",
]

T = TypeVar("T")
JsonPath: TypeAlias = tuple[str | int, ...]

_LINES: Mapping[str, type[Line]] = {
    "progress": Progress,
    "text": Text,
    "badge": Badge,
    "barChart": BarChart,
}
_FORMATS: Mapping[str, type[Format]] = {kind.kind: kind for kind in (Percent, Dollars, Count)}
_TYPES = {line: name for name, line in _LINES.items()}
_SPELLED = {"period_ms": "periodDurationMs"}
_MOST_FAULTS = 5
_WORDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_PLAIN_KEY = re.compile(r"[\w-]+")


class FieldError(ValueError):
    """A value that its class refuses; `path` is the attribute, and what in it is wrong."""

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.path: JsonPath = path


@frozen
class Fault:
    """What is wrong with JSON, and the keys and indices that lead there."""

    reason: str
    path: JsonPath = ()

    @property
    def where(self) -> str:
        """The path as text: `lines[0].resetsAt`; empty for the whole."""
        return "".join(_step(step) for step in self.path).removeprefix(".")

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}" if self.path else self.reason


class WireError(ValueError):
    """JSON that is not what we write; the text says where and why, without the values."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults[:_MOST_FAULTS])))
        self.faults = faults


def to_json(value: Any) -> Any:
    """`value` (a model value) as plain JSON values."""
    return _CONVERTER.unstructure(value)


def from_json(value: Any, kind: type[T]) -> T:
    """Plain JSON values as a `kind`. Raises `WireError`."""
    try:
        return _CONVERTER.structure(value, kind)
    except (BaseValidationError, ProbeError, ValueError, TypeError) as error:
        raise WireError(*_faults(error)) from error


def encode(value: Any) -> bytes:
    """`value` as the bytes of a JSON answer; half a surrogate pair, which is no text, is `?`."""
    return json.dumps(
        to_json(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    ).encode("utf-8", "replace")


def encode_collection(encoded: Iterable[bytes]) -> bytes:
    """A JSON array of already encoded values."""
    return b"[" + b",".join(encoded) + b"]"


def instant_text(instant: datetime) -> str:
    """An instant as the wire writes it: milliseconds only where there are any, `Z` at the end.

    >>> instant_text(datetime(2026, 3, 26, 11, 16, 29, tzinfo=timezone.utc))
    '2026-03-26T11:16:29Z'
    """
    utc = instant.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds") + "Z"


def _resets_text(instant: datetime | None) -> str | None:
    """Resets are always written with milliseconds, as clients have seen them from the first day."""
    if instant is None:
        return None
    utc = instant.astimezone(timezone.utc).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def _instant(text: Any, _: Any = None) -> datetime:
    if not isinstance(text, str) or not text.endswith("Z"):
        raise ValueError("must be an instant in UTC ending in Z")
    # Python 3.10 reads neither `Z` nor one to five digits of a fraction; ours has none or three.
    return datetime.fromisoformat(text[:-1] + "+00:00")


def _faults(error: Exception, path: JsonPath = ()) -> Iterator[Fault]:
    if isinstance(error, BaseValidationError):
        for each in error.exceptions:
            yield from _faults(each, path + _noted(each))
    else:
        yield _fault(error, path)


def _noted(error: Exception) -> JsonPath:
    """The step that cattrs noted on `error`, if it did."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (camel(note.name),)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()


def _fault(error: Exception, path: JsonPath) -> Fault:
    if isinstance(error, KeyError):
        return Fault("is missing", path)
    if isinstance(error, FieldError):
        name, *rest = error.path
        return Fault(str(error), (*path, camel(str(name)), *rest))
    return Fault(str(error), path)


def _step(step: str | int) -> str:
    if isinstance(step, str) and _PLAIN_KEY.fullmatch(step):
        return f".{step}"
    return f"[{step!r}]"


def camel(name: str) -> str:
    """The public spelling of an attribute: `resets_at` is `resetsAt`."""
    if name in _SPELLED:
        return _SPELLED[name]
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _strict(kind: type[T]) -> Any:
    """A hook that takes exactly `kind`: what we wrote is never a number in text or the reverse."""

    def hook(value: Any, _: Any) -> T:
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        raise _mismatch(kind, value)

    return hook


def _mismatch(kind: type, value: object) -> TypeError:
    return TypeError(f"must be {_words(kind)}, not {_words(type(value))}")


def _words(kind: type) -> str:
    return _WORDS.get(kind, kind.__name__)


def _float(value: Any, _: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError as error:
            raise ValueError("is too large a number") from error
    raise _mismatch(float, value)


def _structure_line(value: Any, _: Any) -> Line:
    line: Line = _CONVERTER.structure(value, _told_apart(value, "type", _LINES))
    return line


def _structure_format(value: Any, _: Any) -> Format:
    format_: Format = _CONVERTER.structure(value, _told_apart(value, "kind", _FORMATS))
    return format_


def _told_apart(value: Any, key: str, kinds: Mapping[str, type[T]]) -> type[T]:
    """The class that `key` of the object `value` names."""
    if not isinstance(value, dict):
        raise _mismatch(dict, value)
    name = value.get(key)
    if not isinstance(name, str) or name not in kinds:
        raise FieldError(f"must be one of {', '.join(kinds)}", key)
    return kinds[name]


def _is_tuple(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is tuple


def _is_dict(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is dict


def _build_converter() -> Converter:
    converter = Converter()
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _strict(kind))
    converter.register_structure_hook(float, _float)
    converter.register_structure_hook(datetime, _instant)
    converter.register_unstructure_hook(datetime, instant_text)

    @converter.register_unstructure_hook_factory(has)
    def unstructure_as(kind: type) -> Any:
        overrides: dict[str, Any] = {a.name: override(rename=camel(a.name)) for a in fields(kind)}
        if kind is Progress:
            overrides["resets_at"] = override(rename="resetsAt", unstruct_hook=_resets_text)
        plain: Any = make_dict_unstructure_fn(kind, converter, **overrides)
        if kind in _TYPES:
            return lambda line: {"type": _TYPES[kind], **plain(line)}
        if kind in (Percent, Dollars, Count):
            return lambda format_: {"kind": kind.kind, **plain(format_)}
        return plain

    @converter.register_structure_hook_factory(has)
    def structure_as(kind: type) -> Any:
        overrides: dict[str, Any] = {a.name: override(rename=camel(a.name)) for a in fields(kind)}
        plain: Any = make_dict_structure_fn(kind, converter, **overrides)

        def structure(value: Any, _: Any) -> Any:
            if not isinstance(value, dict):
                raise _mismatch(dict, value)
            return plain(value, kind)

        return structure

    @converter.register_structure_hook_factory(_is_tuple)
    def tuple_as(kind: Any) -> Any:
        items: Any = GenericAlias(list, get_args(kind)[:1])
        plain = converter.get_structure_hook(items)

        def structure(value: Any, _: Any) -> Any:
            if not isinstance(value, list):
                raise _mismatch(list, value)
            return tuple(plain(value, items))

        return structure

    @converter.register_structure_hook_factory(_is_dict)
    def dict_as(kind: Any) -> Any:
        items: Any = GenericAlias(Mapping, get_args(kind))
        plain = converter.get_structure_hook(items)

        def structure(value: Any, _: Any) -> Any:
            if not isinstance(value, dict):
                raise _mismatch(dict, value)
            return plain(value, items)

        return structure

    converter.register_structure_hook(Line, _structure_line)
    converter.register_structure_hook(Format, _structure_format)
    return converter


_CONVERTER = _build_converter()
