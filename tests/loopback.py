"""Servers on this machine for the tests that need real sockets: TLS, HTTP and proxies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet import reactor as global_reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import (
    IHostnameResolver,
    IHostResolution,
    IOpenSSLServerConnectionCreator,
    IResolutionReceiver,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

reactor: Any = global_reactor

DAY = dt.timedelta(days=1)


class Authority:
    """Signs certificates; made anew for a test run and forgotten after it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        # OpenSSL tells authorities apart by name.
        name = f"A throw-away CA {x509.random_serial_number()}"
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._name, self._key, x509.BasicConstraints(True, None))

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def root(self) -> object:
        """A trust root that trusts what it signed."""
        return trustRootFromCertificates([Certificate.loadPEM(self.pem)])

    def server(self, name: str) -> Tls:
        """What a server named `name` needs for TLS."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        return self._tls(subject, key, names)

    def nameless(self, name: str) -> Tls:
        """The same, of a server whose certificate has its name where none is looked for."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._tls(subject, key, x509.BasicConstraints(False, None))

    def _tls(self, subject: x509.Name, key: Any, extension: Any) -> Tls:
        pem = self._sign(subject, key, extension).public_bytes(Encoding.PEM)
        return Tls(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def _sign(self, subject: x509.Name, key: Any, extension: Any) -> x509.Certificate:
        now = dt.datetime.now(dt.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(extension, critical=False)
            .sign(self._key, hashes.SHA256())
        )


@implementer(IOpenSSLServerConnectionCreator)
class Tls:
    """The server's side of TLS; from a file, as all versions of pyOpenSSL take that in silence."""

    def __init__(self, pem: bytes) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "server.pem"
            file.write_bytes(pem)
            self._context.use_certificate_file(str(file))
            self._context.use_privatekey_file(str(file))

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """See `IOpenSSLServerConnectionCreator`."""
        return SSL.Connection(self._context, None)


class Peer(Protocol):
    """The server's end of a connection; `closed` fires when it is gone."""

    def __init__(self) -> None:
        self.closed: Deferred[None] = Deferred()
        self.wire: Any = None

    def connectionMade(self) -> None:
        """Note the transport."""
        self.wire = self.transport

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell who waits."""
        self.closed.callback(None)


class HttpPeer(Peer):
    """Reads the head of one request and has `answer` do the rest."""

    def __init__(self, answer: Callable[[HttpPeer], None]) -> None:
        super().__init__()
        self._answer = answer
        self.head = b""

    def dataReceived(self, data: bytes) -> None:
        """Answer once the head is in."""
        if not self.head.endswith(b"\r\n\r\n"):
            self.head += data
            if self.head.endswith(b"\r\n\r\n"):
                self._answer(self)

    def write(self, data: bytes) -> None:
        """Send to the client."""
        self.wire.write(data)


def replies(data: bytes) -> Callable[[HttpPeer], None]:
    """An `answer` that sends `data` and leaves it to the client to close."""
    return lambda peer: peer.write(data)


class ProxyPeer(Peer):
    """A proxy that connects to `port` of this machine, whatever it is asked for."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._buffer = b""
        self._other: Any = None
        self.asked: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        """Talk, then pass on."""
        if self._other is not None:
            self._other.wire.write(data)
            return
        self._buffer += data
        self.talk()

    def talk(self) -> None:
        """Take what there is of the conversation from `_buffer`."""

    def join(self, granted: bytes) -> None:
        """Connect, grant, and pass on both ways from here."""
        other = _Passer(self)
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self._port)

        def joined(_: object) -> None:
            self._other = other
            self.wire.write(granted)

        connectProtocol(endpoint, other).addCallback(joined)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Take the other side along."""
        if self._other is None:
            super().connectionLost(reason)
        else:
            self._other.closed.chainDeferred(self.closed)
            self._other.wire.abortConnection()


class _Passer(Peer):
    def __init__(self, proxy: ProxyPeer) -> None:
        super().__init__()
        self._proxy = proxy

    def dataReceived(self, data: bytes) -> None:
        self._proxy.wire.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self._proxy.wire.loseConnection()


class ConnectProxy(ProxyPeer):
    """A CONNECT proxy."""

    def talk(self) -> None:
        """Consent to any CONNECT."""
        if self._buffer.endswith(b"\r\n\r\n"):
            self.asked.append(self._buffer)
            self.join(b"HTTP/1.1 200 Fine\r\n\r\n")


class SocksProxy(ProxyPeer):
    """A SOCKS5 proxy; wants user `us` and password `pass` when `locked`."""

    def __init__(self, port: int, locked: bool = False) -> None:
        super().__init__(port)
        self._locked = locked

    def talk(self) -> None:
        """Greet, log in, connect; the client waits for each answer before it goes on."""
        message, self._buffer = self._buffer, b""
        self.asked.append(message)
        if len(self.asked) == 1:
            self.wire.write(b"\x05\x02" if self._locked else b"\x05\x00")
        elif self._locked and len(self.asked) == 2:
            self.wire.write(b"\x01\x00" if message == b"\x01\x02us\x04pass" else b"\x01\x01")
        else:
            self.join(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")


@implementer(IHostnameResolver)
class Names:
    """Knows every name but `nowhere.example` to be this machine, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: object = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """See `IHostnameResolver`."""
        self.asked.append(hostName)
        resolution: Any = object()
        resolutionReceiver.resolutionBegan(resolution)
        if hostName != "nowhere.example":
            resolutionReceiver.addressResolved(IPv4Address("TCP", "127.0.0.1", portNumber))
        resolutionReceiver.resolutionComplete()
        return cast(IHostResolution, resolution)


class LoopbackTestCase(TestCase):
    """A test with real sockets, which are all closed when it ends.

    Attributes:
        peers: the servers' ends of all connections, in the order in which they were made.
        names: what was looked up.
    """

    timeout = 30.0

    def setUp(self) -> None:
        """Know every name."""
        self.peers: list[Any] = []
        self.names = Names()
        before = reactor.installNameResolver(self.names)
        self.addCleanup(reactor.installNameResolver, before)
        self.addCleanup(self._close)

    def listen(self, build: Callable[[], Peer], tls: Tls | None = None) -> int:
        """Serve on a free port; the port."""

        def keep() -> Peer:
            self.peers.append(build())
            return self.peers[-1]  # type: ignore[no-any-return]

        factory: Any = Factory.forProtocol(keep)
        if tls is not None:
            factory = TLSMemoryBIOFactory(tls, False, factory, clock=reactor)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)

    async def nobody(self) -> int:
        """A port on which nobody listens."""
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        number = int(port.getHost().port)
        await port.stopListening()
        return number

    def _close(self) -> Deferred[Any]:
        for peer in self.peers:
            if peer.wire is not None and not peer.closed.called:
                peer.wire.abortConnection()
        return DeferredList([peer.closed for peer in self.peers if peer.wire is not None])
