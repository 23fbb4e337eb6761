"""Tests for `openusage.host.net.failures`."""

from __future__ import annotations

import errno

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.internet.address import HostnameAddress
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
    ResponseNeverReceived,
)

from openusage.host.net.failures import TROUBLES, explain
from openusage.model import ProbeTimeoutError, UnexpectedResponseError, UnreachableError

BAD_CERTIFICATE = SSL.Error([("SSL routines", "", "certificate verify failed")])


class ExplainTests(SynchronousTestCase):
    """Tests for `explain`."""

    def test_words(self) -> None:
        """Each trouble has its few words, which never quote it."""
        for trouble, words in (
            (error.DNSLookupError("secret.example"), "host not found"),
            (error.UnknownHostError("secret.example"), "host not found"),
            (error.ConnectionRefusedError("secret.example"), "connection refused"),
            (error.NoRouteError("secret.example"), "no route to host"),
            (error.ConnectError(errno.ENETUNREACH, "secret.example"), "no route to host"),
            (error.ConnectError(None, "secret.example"), "cannot connect"),
            (OSError(errno.EMFILE, "secret.example"), "cannot connect"),
            (error.ConnectionLost("secret.example"), "connection reset"),
            (error.ConnectionAborted("secret.example"), "connection closed"),
            (
                error.ConnectionDone("secret.example"),
                "connection closed before the answer was complete",
            ),
            (BAD_CERTIFICATE, "certificate not trusted"),
            (SSL.Error([("SSL routines", "", "secret")]), "TLS handshake failed"),
            (VerificationError([]), "certificate is for another host"),
            (CertificateError("no name"), "certificate is for another host"),
            (RequestGenerationFailed([]), "the request could not be sent"),
        ):
            self.assertIsInstance(trouble, TROUBLES)
            self.assertEqual(repr(explain(trouble)), repr(UnreachableError(words)))

    def test_timeouts(self) -> None:
        """What the network gave up on is a timeout."""
        for trouble in (error.TimeoutError(), error.TCPTimedOutError()):
            self.assertEqual(
                repr(explain(trouble)), repr(ProbeTimeoutError("connection timed out"))
            )

    def test_wrapped(self) -> None:
        """Troubles inside troubles are found."""
        inner = ResponseNeverReceived([Failure(BAD_CERTIFICATE)])
        for outer in (ResponseFailed, RequestTransmissionFailed, RequestGenerationFailed):
            self.assertEqual(
                repr(explain(outer([Failure(ValueError("x")), Failure(inner)]))),
                repr(UnreachableError("certificate not trusted")),
            )

    def test_explained(self) -> None:
        """What is explained already stays as it is."""
        known = UnexpectedResponseError("x", 200)

        self.assertIs(explain(ResponseFailed([Failure(known)])), known)

    def test_cancelled(self) -> None:
        """A cancellation is told from a failure, wherever it is hidden."""
        for trouble in (
            CancelledError(),
            error.ConnectingCancelledError(HostnameAddress(b"h.example", 1)),
            ResponseFailed([Failure(error.ConnectionAborted()), Failure(CancelledError())]),
        ):
            self.assertIsInstance(explain(trouble), CancelledError)

    def test_not_http(self) -> None:
        """An answer that cannot be parsed is an unexpected one."""
        self.assertEqual(
            repr(explain(ResponseFailed([Failure(ValueError("secret"))]))),
            repr(UnexpectedResponseError("the answer is not valid HTTP")),
        )
