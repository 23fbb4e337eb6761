"""One question to a service: its answer, or what went wrong, in its class and in words."""

from __future__ import annotations

import json as json_text
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote, urlencode

from attrs import evolve, frozen

from openusage.host import Host, Response
from openusage.host.numbers import numeric
from openusage.host.values import json_object
from openusage.model import (
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.redact import mask, redact

if TYPE_CHECKING:  # for the type checker, which has it
    from typing_extensions import Unpack

__all__ = ["Words", "ask", "post", "request", "retry_after", "said", "send"]

_REFUSED = (401, 403)
_TOO_MANY = 429
_LONGEST_WAIT = 31 * 86400.0
_TIMEOUT = 10.0

_LONGEST_TEXT = 200
# No word of a sentence is like this; a token that no other rule knows may be.
_TOKEN = re.compile(r"(?=[\w-]*[0-9])[\w-]{12,}")


@frozen
class Words:
    """What a person is told when a request fails; `{status}` becomes the HTTP status.

    `refused` is said when the service does not accept the login.
    """

    refused: str
    unreachable: str = "Usage request failed. Check your connection."
    status: str = "Usage request failed (HTTP {status}). Try again later."
    invalid: str = "Usage response invalid. Try again later."
    rate_limited: str = "Usage request rate limited. It is asked again later."


class Sent(TypedDict, total=False):
    """What goes along with a question. `json` or `form` is its body, `timeout` in seconds."""

    headers: Mapping[str, str]
    json: object
    form: Mapping[str, str] | None
    timeout: float
    verify: bool


async def ask(
    host: Host,
    method: str,
    url: str,
    words: Words,
    *,
    explain: Callable[[Response], str | None] | None = None,
    **sent: Unpack[Sent],
) -> dict[str, Any]:
    """The JSON object that the service answers with. Raises what `send` raises."""
    response = await send(host, method, url, words, explain=explain, **sent)
    body = json_object(response)
    if body is None:
        raise UnexpectedResponseError(words.invalid, response.status)
    return body


async def send(
    host: Host,
    method: str,
    url: str,
    words: Words,
    *,
    explain: Callable[[Response], str | None] | None = None,
    **sent: Unpack[Sent],
) -> Response:
    """An answer whose status is 200 to 299.

    Raises `TokenExpiredError` for 401 and 403, `RateLimitedError`, `UnreachableError`,
    `ProbeTimeoutError`, and `UnexpectedResponseError` for any other status, each with its word;
    for another status that is what `explain` finds in the answer, if anything.
    """
    response = await request(host, method, url, words, **sent)
    status = response.status
    if status in _REFUSED:
        raise TokenExpiredError(words.refused)
    if status == _TOO_MANY:
        wait = retry_after(response.headers, host.now())
        raise RateLimitedError(words.rate_limited, wait)
    if status // 100 != 2:
        reason = explain(response) if explain is not None else None
        raise UnexpectedResponseError(reason or words.status.format(status=status), status)
    return response


async def request(
    host: Host, method: str, url: str, words: Words, **sent: Unpack[Sent]
) -> Response:
    """Whatever the service answers, for those whose statuses mean more than `send` knows.

    Raises `UnreachableError`, `ProbeTimeoutError` or `UnexpectedResponseError`, each with its word.
    """
    try:
        return await _exchanged(host, method, url, sent)
    except UnreachableError as error:
        raise evolve(error, message=words.unreachable) from error
    except UnexpectedResponseError as error:
        raise evolve(error, message=words.invalid) from error


async def post(host: Host, url: str, **sent: Unpack[Sent]) -> Response:
    """Whatever answer a POST gets. Raises `UnreachableError` or `UnexpectedResponseError`."""
    return await _exchanged(host, "POST", url, sent)


def said(text: object) -> str | None:
    """What a service says of a failure, as a sentence with nothing secret in it; else `None`."""
    if not isinstance(text, str):
        return None
    words = " ".join(text[: 4 * _LONGEST_TEXT].split())
    masked = _TOKEN.sub(lambda match: mask(match[0]), redact(words))
    sentence = masked[:_LONGEST_TEXT].rstrip(" .!?")
    return f"{sentence[0].upper()}{sentence[1:]}." if sentence[:1].isalpha() else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait as `Retry-After` says, at most a month; `None` when it does not say."""
    text = headers.get("retry-after", "").strip()
    seconds = numeric(text)
    if seconds is None:
        try:
            date = parsedate_to_datetime(text)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
        seconds = (date - now) / timedelta(seconds=1)
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else None


async def _exchanged(host: Host, method: str, url: str, sent: Sent) -> Response:
    headers, body = _with_body(sent.get("headers", {}), sent.get("json"), sent.get("form"))
    timeout, verify = sent.get("timeout", _TIMEOUT), sent.get("verify", True)
    return await host.http.request(
        method, url, headers=headers, body=body, timeout=timeout, verify=verify
    )


def _with_body(
    headers: Mapping[str, str], json: object, form: Mapping[str, str] | None
) -> tuple[dict[str, str], bytes | None]:
    if form is not None:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        # Spaces as %20: not every token service reads a plus sign as one.
        return sent, urlencode(form, safe="", errors="replace", quote_via=quote).encode()
    if json is not None:
        return {"Content-Type": "application/json", **headers}, json_text.dumps(json).encode()
    return dict(headers), None
