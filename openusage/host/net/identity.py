"""Whether a certificate is for the host that was asked for, with no case left open."""

from __future__ import annotations

from ipaddress import ip_address
from weakref import ref

from attrs import frozen
from OpenSSL import SSL, crypto
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from openusage.host.net.noproxy import is_address

__all__ = ["Named"]

_MUST_PROVE = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT


@implementer(IPolicyForHTTPS)
@frozen
class Named:
    """`policy`, but a certificate that names no host at all is for none.

    Twisted 26 takes such a one for that of any host, if only somebody trusted has signed it (seen
    2026-11).
    """

    policy: IPolicyForHTTPS

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        """See `IPolicyForHTTPS`."""
        return _Creator(self.policy.creatorForNetloc(hostname, port), hostname.decode("ascii"))


@implementer(IOpenSSLClientConnectionCreator)
@frozen
class _Creator:
    creator: IOpenSSLClientConnectionCreator
    host: str

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """See `IOpenSSLClientConnectionCreator`."""
        connection = self.creator.clientConnectionForTLS(tlsProtocol)
        protocol = ref(tlsProtocol)  # which has the connection, which has the callback

        def verify(_: object, certificate: crypto.X509, error: int, depth: int, ok: int) -> bool:
            if not ok or depth:
                return bool(ok)
            try:
                _check(certificate, self.host)
            except (VerificationError, CertificateError):
                found = protocol()
                if found is not None:
                    found.failVerification(Failure())
                return False
            return True

        connection.set_verify(_MUST_PROVE, verify)
        return connection


def _check(certificate: crypto.X509, host: str) -> None:
    """Raise one of the errors of service_identity unless `certificate` is for `host`."""
    if is_address(host):
        verify_certificate_ip_address(certificate.to_cryptography(), str(ip_address(host)))
    else:
        verify_certificate_hostname(certificate.to_cryptography(), host)
