"""Numbers as services send them, and as the JavaScript of upstream tools prints them."""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_UP, Context, Decimal

__all__ = [
    "clamp",
    "dollars_in",
    "fixed",
    "money",
    "number",
    "numeric",
    "rounded",
    "shortest",
]

_NUMERIC = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Wide enough for every digit of the largest float and of the smallest.
_EXACT = Context(prec=1500)


def number(value: object) -> float | None:
    """A finite JSON number as a float; `None` for anything else, `true` and `"12"` included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def numeric(value: object) -> float | None:
    """A finite number, given as a number or as decimal text such as `" 12.5 "`; else `None`."""
    if not isinstance(value, str):
        return number(value)
    text = value.strip()
    return number(float(text)) if _NUMERIC.fullmatch(text) else None


def fixed(value: float, digits: int) -> str:
    """`value` with `digits` decimals, as JavaScript's `toFixed` rounds.

    The exact binary value counts and an exact tie goes away from zero: 1.25 is `1.3`, 1.45 `1.4`.
    """
    if not math.isfinite(value):
        return _not_finite(value)
    exact = Decimal(value or 0)  # -0.0 has no sign to show
    return f"{exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _EXACT):f}"


def shortest(value: float) -> str:
    """`value` in as few digits as tell it apart, as in JavaScript: `2.5`, `12`, `0.1`, `1e+21`."""
    if not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "0"
    exact = Decimal(repr(float(value))).normalize()
    magnitude = exact.adjusted()
    if -7 < magnitude < 21:
        return f"{exact:f}"
    return f"{exact.scaleb(-magnitude):f}e{magnitude:+d}"


def dollars_in(value: object) -> float | None:
    """An amount, given as a number or as text such as `$1,200.00`; else `None`."""
    return numeric(value.replace("$", "").replace(",", "") if isinstance(value, str) else value)


def clamp(value: float, low: float = 0.0, high: float = 100.0) -> float:
    """The number nearest to `value` that is not below `low` and not above `high`."""
    return min(max(value, low), high)


def rounded(value: float, digits: int = 0) -> float:
    """`value` to `digits` decimals, halves up as `Math.round` has it: 2.5 is 3, -2.5 is -2."""
    scaled = value * 10.0**digits
    if not math.isfinite(scaled) or abs(scaled) >= 2**52:  # has no decimals that could be rounded
        return value
    return math.floor(scaled + 0.5) / 10.0**digits


def money(dollars: float, *, grouped: bool = False) -> str:
    """An amount with two decimals: `$1234.50`, `-$0.50`, or `grouped` `$1,234.50`."""
    text = fixed(abs(dollars), 2)
    whole, _, part = text.partition(".")
    sign = "-" if dollars < 0 and text != "0.00" else ""
    return f"{sign}${int(whole):,}.{part}" if grouped and part else f"{sign}${text}"


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
