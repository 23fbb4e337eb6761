"""Tests for `openusage.host.net.trust`."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto
from twisted.internet.ssl import CertificateOptions, platformTrust
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface.verify import verifyObject

from openusage.host.net.trust import TrustError, Unverified, tls_policy, trust_root
from openusage.model import UnreachableError
from tests.loopback import Authority

OURS, THEIRS = Authority(), Authority()


def trusts(root: Any, certificate: x509.Certificate | crypto.X509) -> bool:
    """Whether connections with `root` would take what the owner of `certificate` signs."""
    if isinstance(certificate, x509.Certificate):
        certificate = crypto.X509.from_cryptography(certificate)
    context = CertificateOptions(trustRoot=root).getContext()  # owns the store, so keep it
    store: Any = context.get_cert_store()
    checking = crypto.X509StoreContext(store, certificate)
    try:
        checking.verify_certificate()
    except crypto.X509StoreContextError:
        return False
    return True


class TrustRootTests(SynchronousTestCase):
    """Tests for `trust_root`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def write(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return str(path)

    def test_file(self) -> None:
        """SSL_CERT_FILE says who is trusted, and nobody else is."""
        file = self.write("ca.pem", b"# a comment\n" + OURS.pem)

        root = trust_root({"SSL_CERT_FILE": file}, "linux")

        self.assertTrue(trusts(root, OURS.certificate))
        self.assertFalse(trusts(root, THEIRS.certificate))

    def test_bundle(self) -> None:
        """A file may hold many certificates."""
        root = trust_root({"SSL_CERT_FILE": self.write("ca.pem", OURS.pem + THEIRS.pem)}, "darwin")

        self.assertTrue(trusts(root, OURS.certificate))
        self.assertTrue(trusts(root, THEIRS.certificate))

    def test_folders(self) -> None:
        """SSL_CERT_DIR names folders, in which other files may lie."""
        self.write("a/ours.pem", OURS.pem)
        self.write("a/README", b"\xff\x00 not a certificate")
        (self.folder / "a" / "sub").mkdir()
        self.write("b/theirs.0", THEIRS.pem)
        folders = os.pathsep.join(str(self.folder / name) for name in "ab")

        root = trust_root({"SSL_CERT_DIR": folders}, "win32")

        self.assertTrue(trusts(root, OURS.certificate))
        self.assertTrue(trusts(root, THEIRS.certificate))

    def test_both(self) -> None:
        """With both set, both count."""
        self.write("a/ours.pem", OURS.pem)
        file = self.write("ca.pem", THEIRS.pem)

        root = trust_root({"SSL_CERT_FILE": file, "SSL_CERT_DIR": str(self.folder / "a")}, "linux")

        self.assertTrue(trusts(root, OURS.certificate))
        self.assertTrue(trusts(root, THEIRS.certificate))

    def test_broken(self) -> None:
        """A setting that names no certificates is an error that names the variable only."""
        (self.folder / "empty").mkdir()
        broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        for variable, value in (
            ("SSL_CERT_FILE", str(self.folder / "missing")),
            ("SSL_CERT_FILE", str(self.folder)),
            ("SSL_CERT_FILE", self.write("text", b"hello")),
            ("SSL_CERT_FILE", self.write("broken", OURS.pem + broken)),
            ("SSL_CERT_FILE", "\0"),
            ("SSL_CERT_DIR", str(self.folder / "missing")),
            ("SSL_CERT_DIR", str(self.folder / "text")),
            ("SSL_CERT_DIR", str(self.folder / "empty")),
        ):
            error = self.assertRaises(TrustError, trust_root, {variable: value}, "linux")

            self.assertIn(variable, str(error))
            self.assertNotIn(str(self.folder), str(error))

    def test_linux(self) -> None:
        """On Linux OpenSSL knows where the system's certificates are."""
        for environ in ({}, {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""}):
            self.assertIs(type(trust_root(environ, "linux")), type(platformTrust()))

    def test_mac(self) -> None:
        """On macOS certifi's are taken."""
        pem = Path(certifi.where()).read_bytes()

        root = trust_root({}, "darwin")

        self.assertTrue(trusts(root, crypto.load_certificate(crypto.FILETYPE_PEM, pem)))
        self.assertFalse(trusts(root, OURS.certificate))

    def test_windows(self) -> None:
        """On Windows the system's store is read."""

        class Store:
            def get_ca_certs(self, binary_form: bool) -> list[bytes]:
                return [OURS.certificate.public_bytes(Encoding.DER)] if binary_form else []

        self.patch(ssl, "create_default_context", Store)

        self.assertTrue(trusts(trust_root({}, "win32"), OURS.certificate))


class TlsPolicyTests(SynchronousTestCase):
    """Tests for `tls_policy`."""

    def test_hosts(self) -> None:
        """Each host has a connection creator, made once."""
        policy = tls_policy({}, "linux")

        self.assertTrue(verifyObject(IPolicyForHTTPS, policy))
        first = policy.creatorForNetloc(b"a.example", 443)
        self.assertIs(policy.creatorForNetloc(b"a.example", 443), first)
        self.assertIsNot(policy.creatorForNetloc(b"b.example", 443), first)

    def test_broken(self) -> None:
        """Broken settings are logged once, and fail what needs TLS in the same words."""
        with capturedLogs() as events:
            policy = tls_policy({"SSL_CERT_FILE": self.mktemp()}, "linux")

        [event] = events
        error = self.assertRaises(UnreachableError, policy.creatorForNetloc, b"a.example", 443)
        self.assertIn("SSL_CERT_FILE", str(error))
        self.assertIn(str(error), formatEvent(event))
        self.assertTrue(verifyObject(IPolicyForHTTPS, policy))


class UnverifiedTests(SynchronousTestCase):
    """Tests for `Unverified`; that it takes any certificate is shown in `test_agent`."""

    def test_interface(self) -> None:
        """It is a policy."""
        self.assertTrue(verifyObject(IPolicyForHTTPS, Unverified()))
