"""How a request failed, kept for the probes that come too soon to ask again."""

from __future__ import annotations

from typing import Any

from openusage.host.numbers import number
from openusage.model import (
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    ProbeTimeoutError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)

__all__ = ["dump_error", "load_error"]

_KINDS: dict[str, type[ProbeError]] = {
    kind.code: kind
    for kind in (
        NotAvailableError,
        NotLoggedInError,
        ProbeTimeoutError,
        TokenExpiredError,
        UnreachableError,
    )
}


def dump_error(error: ProbeError) -> dict[str, Any]:
    """`error` as JSON values."""
    status = error.status if isinstance(error, UnexpectedResponseError) else None
    return {"code": error.code, "message": error.message, "status": status}


def load_error(value: object) -> ProbeError | None:
    """The error that `dump_error` made into `value`, in kind if not in person; else `None`."""
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        return None
    code, message = value.get("code"), value["message"]
    if code == UnexpectedResponseError.code:
        status = number(value.get("status"))
        return UnexpectedResponseError(message, None if status is None else int(status))
    return _KINDS.get(str(code), ProbeError)(message)
