"""What the text says that Amp's service tells people, in each of the forms that it has had.

Whatever the account has is read, and a figure that is not understood is never taken for a balance
of 0. Seen 2026-11; the examples below are of our own making:

    Signed in as dev@example.org (devname)
    Amp Free: $7.25/$10 remaining (replenishes +$0.42/hour) [+50% bonus for 3 more days]
    Amp Free: 61% remaining today (resets daily)
    Amp Free: disabled
    Subscription Megawatt: 74% other usage and 95% orb usage remaining - resets upon renewal in …
    **Amp Megawatt Tier:** agent usage $18.50 of $20 remaining (93%), orb usage 732h of 750h
        a1.small orb hours remaining (98%) - period 2026-11-13 to 2026-12-13, ends in 19 days
    Individual credits: $3.10 remaining
    Workspace Example: -$3.50 remaining
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openusage.host.numbers import numeric
from openusage.providers.shape import Shape
from openusage.redact import redact

__all__ = ["FIGURES", "figures"]

FIGURES: Mapping[str, Shape] = {
    "free": {"remaining": "any", "total": "any", "rate": "any"},
    "freeShare": {"remaining": "any", "daily": "any"},
    "disabled": "any",
    "bonus": {"percent": "any", "days": "any"},
    "credits": "any",
    "paid": {
        "name": "any",
        "other": "any",
        "orb": "any",
        "agent": {"remaining": "any", "total": "any"},
        "orbHours": {"remaining": "any", "total": "any"},
        "start": "any",
        "end": "any",
        "days": "any",
        "months": "any",
    },
    "workspaces": [{"name": "any", "amount": "any"}],
}
"""The shape of what `figures` gives."""

_LONGEST = 20_000
_MOST_WORKSPACES = 32

_AMOUNT = r"[0-9][0-9,]{0,30}(?:\.[0-9]{1,30})?"
_NAME = r"[^\n:]{1,80}?"
_WHOLE = r"[0-9]{1,9}"

_FREE = re.compile(rf"\$({_AMOUNT})/\$({_AMOUNT}) remaining")
_RATE = re.compile(rf"replenishes \+\$({_AMOUNT})/hour")
_BONUS = re.compile(rf"\+({_WHOLE})% bonus for ({_WHOLE}) more days?")
_CREDITS = re.compile(rf"Individual credits: (-?)\$({_AMOUNT}) remaining")
_SHARE = re.compile(rf"Amp Free: ({_AMOUNT})% remaining(?: today)?( \(resets daily\))?")
_DISABLED = re.compile(r"Amp Free: disabled", re.IGNORECASE)
_SUBSCRIPTION = re.compile(
    rf"^(?:Subscription ({_NAME})|Amp ({_NAME}) Subscription): "
    rf"({_AMOUNT})% other usage(?: and ({_AMOUNT})% orb usage)? remaining([^\n]{{0,400}})",
    re.MULTILINE,
)
# The service has called the same thing a tier and a subscription.
_TIER = re.compile(
    rf"^Amp ({_NAME}) (?:Tier|Subscription): agent usage \$({_AMOUNT}) of \$({_AMOUNT}) remaining"
    r"([^\n]{0,400})",
    re.MULTILINE,
)
_ORB_HOURS = re.compile(rf"orb usage ({_AMOUNT})h of ({_AMOUNT})h (?:[^\s,]{{1,40}} )?orb hours")
_PERIOD = re.compile(r"period ([0-9]{4}-[0-9]{2}-[0-9]{2}) to ([0-9]{4}-[0-9]{2}-[0-9]{2})")
_RENEWAL = re.compile(rf"(?:resets upon renewal|ends) in ({_WHOLE}) (day|month)s?")
_WORKSPACE = re.compile(rf"^Workspace ({_NAME}): (-?)\$({_AMOUNT}) remaining", re.MULTILINE)
_SIGNED_IN = re.compile(r"^Signed in as [^\n]*$", re.MULTILINE)


def figures(text: str) -> dict[str, Any] | None:
    """What the text tells; `None` when it tells nothing that is understood, or has no end.

    An account of which nothing is said but whose it is has no free allowance and no credits.
    Names may be addresses.
    """
    if len(text) > _LONGEST:
        return None
    text = text.replace("**", "")
    found = {**_free_tier(text), **_paid(text)}
    if match := _CREDITS.search(text):
        found["credits"] = _signed(match[1], match[2])
    workspaces = [
        {"name": redact(match[1].strip()), "amount": _signed(match[2], match[3])}
        for match in _WORKSPACE.finditer(text)
    ]
    if workspaces:
        found["workspaces"] = workspaces[:_MOST_WORKSPACES]
    if not found and _SIGNED_IN.search(text):
        others = _SIGNED_IN.sub("", text)
        if "Amp Free" not in others and not re.search(r"[$%]", others):
            found["credits"] = 0.0
    return found or None


def _free_tier(text: str) -> dict[str, Any]:
    if match := _FREE.search(text):
        rate, bonus = _RATE.search(text), _BONUS.search(text)
        free = {"remaining": _amount(match[1]), "total": _amount(match[2])}
        found: dict[str, Any] = {"free": {**free, "rate": _amount(rate[1]) if rate else 0.0}}
        if bonus:
            found["bonus"] = {"percent": _amount(bonus[1]), "days": _amount(bonus[2])}
        return found
    if match := _SHARE.search(text):
        return {"freeShare": {"remaining": _amount(match[1]), "daily": match[2] is not None}}
    return {"disabled": True} if _DISABLED.search(text) else {}


def _paid(text: str) -> dict[str, Any]:
    if match := _TIER.search(text):
        paid: dict[str, Any] = {
            "name": redact(match[1].strip()),
            "agent": {"remaining": _amount(match[2]), "total": _amount(match[3])},
        }
        if orb := _ORB_HOURS.search(match[4]):
            paid["orbHours"] = {"remaining": _amount(orb[1]), "total": _amount(orb[2])}
        return {"paid": {**paid, **_renewal(match[4])}}
    if match := _SUBSCRIPTION.search(text):
        paid = {"name": redact((match[1] or match[2]).strip()), "other": _amount(match[3])}
        if match[4]:
            paid["orb"] = _amount(match[4])
        return {"paid": {**paid, **_renewal(match[5])}}
    return {}


def _renewal(rest: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if match := _PERIOD.search(rest):
        found = {"start": match[1], "end": match[2]}
    if match := _RENEWAL.search(rest):
        found[f"{match[2]}s"] = _amount(match[1])
    return found


def _amount(text: str) -> float | None:
    return numeric(text.replace(",", ""))


def _signed(sign: str, text: str) -> float | None:
    amount = _amount(text)
    return -amount if amount is not None and sign else amount
