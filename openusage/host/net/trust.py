"""Whose certificates are trusted: the person's own choice, else what the platform trusts."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import certifi
from attrs import frozen
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.client import BrowserLikePolicyForHTTPS, HostnameCachingHTTPSPolicy
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from openusage.host.net.identity import Named
from openusage.log import logger
from openusage.model import UnreachableError

__all__ = ["TrustError", "Unverified", "tls_policy", "trust_root"]

_LIMIT = 16 * 2**20
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

log = logger()


class TrustError(Exception):
    """A setting that should name certificates does not; the words name the variable only."""


def trust_root(environ: Mapping[str, str], platform: str) -> Any:
    """Who may vouch for a server: `SSL_CERT_FILE` and `SSL_CERT_DIR`, else the platform's store.

    It is a `trustRoot` for `optionsForClientTLS`. Reads files at once, so call it before the
    reactor runs. Raises `TrustError`.
    """
    file, folder = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if file or folder:
        chosen = [*_of_file(file or ""), *_of_folders(folder or "")]
        return trustRootFromCertificates(chosen)
    if platform == "win32":
        store = ssl.create_default_context().get_ca_certs(binary_form=True)
        return trustRootFromCertificates([Certificate.load(each) for each in store])
    if platform == "darwin":
        # OpenSSL cannot read the keychain, and no folder holds what is in it.
        return trustRootFromCertificates(list(_certificates(Path(certifi.where()).read_bytes())))
    return platformTrust()


def tls_policy(environ: Mapping[str, str], platform: str) -> IPolicyForHTTPS:
    """How TLS connections are verified; with broken settings, each one fails and says why."""
    try:
        # Cached by host: each new context would read the platform's store again.
        policy = Named(BrowserLikePolicyForHTTPS(trust_root(environ, platform)))
        return HostnameCachingHTTPSPolicy(policy)
    except TrustError as error:
        log.error(  # noqa: TRY400
            "no TLS connection can be verified: {reason}", reason=str(error)
        )
        return _Broken(str(error))


@implementer(IPolicyForHTTPS)
@frozen
class Unverified:
    """Takes any certificate; for language servers on loopback, which sign their own."""

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        """See `IPolicyForHTTPS`."""
        return _AnyCertificate()


@implementer(IOpenSSLClientConnectionCreator)
class _AnyCertificate:
    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(CertificateOptions().getContext(), None)


@implementer(IPolicyForHTTPS)
@frozen
class _Broken:
    reason: str

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        raise UnreachableError(self.reason)


def _of_file(name: str) -> Iterable[Certificate]:
    if not name:
        return []
    try:
        found = list(_certificates(_read(Path(name))))
    except (OSError, ValueError, crypto.Error):
        raise TrustError("SSL_CERT_FILE names a file that cannot be read as certificates") from None
    if not found:
        raise TrustError("SSL_CERT_FILE names a file without a certificate")
    return found


def _of_folders(names: str) -> Iterable[Certificate]:
    """Every certificate in the folders; files that hold none may lie there too."""
    if not names:
        return []
    found: list[Certificate] = []
    try:
        for name in filter(None, names.split(os.pathsep)):
            for path in sorted(Path(name).iterdir()):
                if path.is_file():
                    found += _certificates(_read(path))
    except (OSError, ValueError, crypto.Error):
        raise TrustError("SSL_CERT_DIR names a folder whose certificates cannot be read") from None
    if not found:
        raise TrustError("SSL_CERT_DIR names a folder without a certificate")
    return found


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LIMIT)


def _certificates(pem: bytes) -> Iterator[Certificate]:
    for block in _PEM.findall(pem):
        yield Certificate.loadPEM(block)
