"""What a service answered, remembered for a while, so that nobody asks it too often.

At least a minute lies between two questions with the same login, whoever asks (the service, or
`openusage probe` by hand), and after a 429 nothing is sent before the time that the service named.
All this holds across restarts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import field, frozen

from openusage.host import Host
from openusage.host.instants import from_epoch
from openusage.host.numbers import clamp
from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
    TokenExpiredError,
)
from openusage.providers.remembered import dump_error, load_error
from openusage.providers.shape import Shape, cut

__all__ = ["SPACING", "Answer", "spaced"]

SPACING = timedelta(minutes=1)
USUAL_WAIT = timedelta(minutes=5)
"""How long a service is left alone that says 429 and not for how long."""
_LONGEST_WAIT = timedelta(days=31)
_KEY = "usage"
_INTERRUPTED = "The last request was interrupted. It is asked again in a minute."
_RATE_LIMITED = "Usage request rate limited. It is asked again later."


@frozen
class Answer:
    """What a service told at the instant `at`, cut to the parts that are read."""

    at: datetime
    body: Mapping[str, Any] = field(repr=False)


async def spaced(
    host: Host,
    token: str,
    shape: Mapping[str, Shape],
    fetch: Callable[[], Awaitable[Mapping[str, Any]]],
) -> Answer:
    """What `fetch` gives, or what it gave or raised less than a minute ago.

    Of that only what `shape` names is kept: neither addresses nor account ids get to the disk.
    `token` is what is sent; a new one need not wait because an old one was refused.
    `host.identify` must have been called. Raises what `fetch` raises.
    """
    digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:16]
    kept = (await host.state.read()).get(_KEY)
    known = _recent(host, digest, kept if isinstance(kept, dict) else {})
    if known is not None:
        return known
    now = host.now()
    # Should we be stopped before the answer comes, that counts as a question too.
    await _keep(host, _failure(digest, now, ProbeTimeoutError(_INTERRUPTED)))
    try:
        body = cut(dict(await fetch()), shape)
    except RateLimitedError as error:
        until = host.now() + _wait(error.retry_after)
        await _keep(host, {"blockedUntil": until.timestamp()})
        raise
    except ProbeError as error:
        await _keep(host, _failure(digest, host.now(), error))
        raise
    answer = Answer(host.now(), body)
    await _keep(host, {"at": answer.at.timestamp(), "body": dict(answer.body)})
    return answer


def _recent(host: Host, digest: str, kept: Mapping[str, Any]) -> Answer | None:
    """What is known so well that nothing needs to be asked; raises what keeps us from asking."""
    now = host.now()
    blocked_until = from_epoch(kept.get("blockedUntil"))
    if blocked_until is not None and now < blocked_until <= now + _LONGEST_WAIT:
        host.ask_again(blocked_until)
        raise RateLimitedError(_RATE_LIMITED, (blocked_until - now).total_seconds())
    at = from_epoch(kept.get("at"))
    if at is None or not timedelta() <= now - at < SPACING:
        return None
    error, body = load_error(kept.get("error")), kept.get("body")
    if error is not None:
        if isinstance(error, TokenExpiredError) and kept.get("token") != digest:
            return None
        raise error
    if not isinstance(body, dict):
        return None
    host.ask_again(at + SPACING)
    return Answer(at, body)


def _wait(seconds: float | None) -> timedelta:
    if seconds is None:
        return USUAL_WAIT
    return timedelta(seconds=clamp(seconds, SPACING.total_seconds(), _LONGEST_WAIT.total_seconds()))


def _failure(digest: str, now: datetime, error: ProbeError) -> dict[str, Any]:
    return {"at": now.timestamp(), "error": dump_error(error), "token": digest}


async def _keep(host: Host, values: Mapping[str, Any]) -> None:
    await host.state.write({**await host.state.read(), _KEY: dict(values)})
