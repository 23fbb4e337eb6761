"""Conversations with a proxy that open a way through it: CONNECT and SOCKS5, without any I/O."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

import h11
from attrs import define, field
from socksio import ProtocolError as SocksError
from socksio import socks5

from openusage.host.net.proxysettings import Proxy
from openusage.model import UnreachableError

__all__ = ["MAX_HANDSHAKE", "Connect", "Handshake", "Socks5", "login_header"]

MAX_HANDSHAKE = 64 * 2**10


class Handshake(Protocol):
    """A conversation with a proxy, input and output apart; it raises `UnreachableError`."""

    def start(self) -> bytes:
        """What to say first."""
        ...

    def receive(self, data: bytes) -> bytes:
        """What to say next; `b""` is nothing yet, or the end."""
        ...

    @property
    def rest(self) -> bytes | None:
        """What came behind the end of the conversation; `None` while it goes on."""
        ...


def login_header(proxy: Proxy) -> dict[str, str]:
    """The header that logs in at an HTTP proxy, if it has a login."""
    if proxy.user is None:
        return {}
    pair = f"{proxy.user}:{proxy.password}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}


@define
class Connect:
    """The CONNECT of HTTP/1.1."""

    target: str
    headers: Mapping[str, str]
    rest: bytes | None = None
    _connection: h11.Connection = field(
        init=False,
        factory=lambda: h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HANDSHAKE),
    )

    def start(self) -> bytes:
        """See `Handshake`."""
        headers = [("Host", self.target), *self.headers.items()]
        request = h11.Request(method="CONNECT", target=self.target, headers=headers)
        return b"".join(
            self._connection.send(event) or b"" for event in (request, h11.EndOfMessage())
        )

    def receive(self, data: bytes) -> bytes:
        """See `Handshake`."""
        try:
            self._connection.receive_data(data)
            event = self._connection.next_event()
            while isinstance(event, h11.InformationalResponse):
                event = self._connection.next_event()
        except h11.RemoteProtocolError:
            raise UnreachableError("proxy gave an answer that is not HTTP") from None
        if isinstance(event, h11.Response):
            self._judge(event.status_code)
            self.rest = self._connection.trailing_data[0]
        return b""

    def _judge(self, status: int) -> None:
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise UnreachableError("proxy authentication failed (407)")
        if not 200 <= status < 300:
            words = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
            raise UnreachableError(f"proxy refused: {status} {words}".rstrip())


_SOCKS_REPLIES = {
    socks5.SOCKS5ReplyCode.GENERAL_SERVER_FAILURE: "it could not connect",
    socks5.SOCKS5ReplyCode.CONNECTION_NOT_ALLOWED_BY_RULESET: "its rules do not allow it",
    socks5.SOCKS5ReplyCode.NETWORK_UNREACHABLE: "network unreachable",
    socks5.SOCKS5ReplyCode.HOST_UNREACHABLE: "host unreachable",
    socks5.SOCKS5ReplyCode.CONNECTION_REFUSED: "connection refused",
    socks5.SOCKS5ReplyCode.TTL_EXPIRED: "time to live expired",
    socks5.SOCKS5ReplyCode.COMMAND_NOT_SUPPORTED: "command not supported",
    socks5.SOCKS5ReplyCode.ADDRESS_TYPE_NOT_SUPPORTED: "address type not supported",
}
_ADDRESS_SIZES = {1: 4, 4: 16}


@define
class Socks5:
    """The conversation of RFC 1928, with the login of RFC 1929 where the proxy has one."""

    proxy: Proxy
    host: str
    port: int
    rest: bytes | None = None
    _buffer: bytes = b""
    _connection: socks5.SOCKS5Connection = field(init=False, factory=socks5.SOCKS5Connection)

    def start(self) -> bytes:
        """See `Handshake`."""
        methods = [socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED]
        if self.proxy.user is not None:
            methods.append(socks5.SOCKS5AuthMethod.USERNAME_PASSWORD)
        return self._say(socks5.SOCKS5AuthMethodsRequest(methods))

    def receive(self, data: bytes) -> bytes:
        """See `Handshake`."""
        self._buffer += data
        said = b""
        while self.rest is None and (size := self._size_of_reply()) <= len(self._buffer):
            reply, self._buffer = self._buffer[:size], self._buffer[size:]
            try:
                said += self._answer(self._connection.receive_data(reply))
            except SocksError:
                raise UnreachableError("proxy gave an answer that is not SOCKS5") from None
        return said

    def _size_of_reply(self) -> int:
        """How long the reply is, or as far as it must be read to know."""
        if self._connection.state != socks5.SOCKS5State.CLIENT_AUTHENTICATED:
            return 2
        if len(self._buffer) < 5:
            return 5
        kind, length = self._buffer[3], self._buffer[4]
        return 4 + _ADDRESS_SIZES.get(kind, 1 + length) + 2

    def _answer(self, reply: object) -> bytes:
        match reply:
            case socks5.SOCKS5AuthReply(method=socks5.SOCKS5AuthMethod.NO_AUTH_REQUIRED):
                return self._ask()
            case socks5.SOCKS5AuthReply(method=socks5.SOCKS5AuthMethod.USERNAME_PASSWORD) if (
                self.proxy.user is not None
            ):
                return self._say(
                    socks5.SOCKS5UsernamePasswordRequest(
                        self.proxy.user.encode(), self.proxy.password.encode()
                    )
                )
            case socks5.SOCKS5UsernamePasswordReply(success=True):
                return self._ask()
            case socks5.SOCKS5Reply(reply_code=socks5.SOCKS5ReplyCode.SUCCEEDED):
                self.rest = self._buffer
                return b""
            case socks5.SOCKS5Reply(reply_code=code):
                raise UnreachableError(f"proxy refused: {_SOCKS_REPLIES[code]}")
        raise UnreachableError("proxy authentication failed")

    def _ask(self) -> bytes:
        connect = socks5.SOCKS5Command.CONNECT
        return self._say(socks5.SOCKS5CommandRequest.from_address(connect, (self.host, self.port)))

    def _say(self, request: object) -> bytes:
        self._connection.send(request)
        return bytes(self._connection.data_to_send())
