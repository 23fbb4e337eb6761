"""Answers: JSON bytes with the headers that every one of them bears."""

from __future__ import annotations

import json
from collections.abc import Mapping

from twisted.web.iweb import IRequest

__all__ = [
    "COMMON_HEADERS",
    "JSON_TYPE",
    "answer_error",
    "answer_json",
    "answer_nothing",
    "error_body",
]

JSON_TYPE = b"application/json; charset=utf-8"
COMMON_HEADERS: Mapping[bytes, bytes] = {
    b"Access-Control-Allow-Origin": b"*",
    b"Access-Control-Allow-Methods": b"GET, OPTIONS",
    b"Access-Control-Allow-Headers": b"Content-Type",
}
"""Borne by every answer, whatever its status, so that pages of any origin may read it."""


def answer_json(request: IRequest, body: bytes, code: int = 200) -> bytes:
    """`body`, which is JSON already, as an answer with its length."""
    _bear(request, code)
    request.setHeader(b"Content-Type", JSON_TYPE)
    request.setHeader(b"Content-Length", b"%d" % len(body))
    return body


def answer_nothing(request: IRequest) -> bytes:
    """A 204, which has neither body nor length."""
    _bear(request, 204)
    return b""


def answer_error(request: IRequest, code: int, name: str) -> bytes:
    """An error in the one shape they have, `{"error": name}`."""
    if code == 405:
        request.setHeader(b"Allow", COMMON_HEADERS[b"Access-Control-Allow-Methods"])
    return answer_json(request, error_body(name), code)


def error_body(name: str) -> bytes:
    """The JSON of an error."""
    return json.dumps({"error": name}, separators=(",", ":")).encode()


def _bear(request: IRequest, code: int) -> None:
    request.setResponseCode(code)
    for header, value in COMMON_HEADERS.items():
        request.setHeader(header, value)
