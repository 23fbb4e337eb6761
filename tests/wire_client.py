"""A client for the tests of the API: raw bytes to a site in memory, and its answers taken apart."""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import IResource

from openusage.api import ApiSite

CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, OPTIONS",
    "access-control-allow-headers": "Content-Type",
}


@frozen
class Answer:
    """One answer; `headers` are name and value as they came, names in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of one header."""
        return [value for key, value in self.headers if key == name]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def exchange(resource: IResource, sent: bytes, pieces: int = 1) -> bytes:
    """Everything a new server for `resource` writes when `sent` arrives in `pieces` pieces."""
    site = ApiSite(resource, Clock())
    channel = site.buildProtocol(None)
    assert channel is not None
    transport = StringTransport()
    channel.makeConnection(transport)
    size = max(1, -(-len(sent) // pieces))
    for start in range(0, len(sent), size):
        if not transport.disconnecting:
            channel.dataReceived(sent[start : start + size])
    received: bytes = transport.value()
    return received


def ask(resource: IResource, method: str, target: str, *more: str, body: bytes = b"") -> Answer:
    """The one answer to one HTTP/1.1 request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1:6736", *more]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    answers = split(exchange(resource, head + body), heads=[method])
    assert len(answers) == 1, answers
    return answers[0]


def split(received: bytes, heads: list[str] | None = None) -> list[Answer]:
    """The answers that `received` holds; `heads` are the methods asked with, if HEAD is one."""
    answers: list[Answer] = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = tuple(
            (name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)
        )
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        if heads is not None and len(answers) < len(heads) and heads[len(answers)] == "HEAD":
            length = 0
        answers.append(Answer(int(status.split()[1]), headers, rest[:length]))
        received = rest[length:]
    return answers
