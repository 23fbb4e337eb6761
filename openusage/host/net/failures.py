"""Network failures in plain words: what Twisted, OpenSSL and resolvers raise, as `ProbeError`."""

from __future__ import annotations

import errno
from collections.abc import Iterator

from OpenSSL import SSL
from service_identity import CertificateError, VerificationError
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.client import (
    RequestGenerationFailed,
    RequestTransmissionFailed,
    ResponseFailed,
)

from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    UnexpectedResponseError,
    UnreachableError,
)

__all__ = ["TROUBLES", "explain"]

_CANCELLED = (CancelledError, error.ConnectingCancelledError)
_WRAPPERS = (ResponseFailed, RequestGenerationFailed, RequestTransmissionFailed)
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}

TROUBLES = (
    *_CANCELLED,
    *_WRAPPERS,
    ProbeError,
    SSL.Error,
    VerificationError,
    CertificateError,
    error.ConnectError,
    error.ConnectionClosed,
    OSError,
)
"""What a request can fail with for reasons that lie outside this program."""


def explain(trouble: BaseException | None) -> ProbeError | CancelledError:
    """What one of `TROUBLES` means: a `ProbeError`, or the cancellation that it stems from.

    The words never come from the network: they hold no names, addresses or bytes.
    """
    causes = list(_causes(trouble))
    for cause in causes:
        if isinstance(cause, ProbeError):
            return cause
    # A cancelled request surfaces as whatever it was doing, with the cancellation inside.
    if any(isinstance(cause, _CANCELLED) for cause in causes):
        return CancelledError()
    for cause in causes:
        if known := _known(cause):
            return known
    if isinstance(trouble, ResponseFailed):
        return UnexpectedResponseError("the answer is not valid HTTP")
    return UnreachableError("the request could not be sent")


def _causes(trouble: BaseException | None) -> Iterator[BaseException]:
    if isinstance(trouble, _WRAPPERS):
        for reason in trouble.reasons:
            yield from _causes(reason.value if isinstance(reason, Failure) else reason)
    elif trouble is not None:
        yield trouble


def _known(cause: BaseException) -> ProbeError | None:
    if isinstance(cause, VerificationError | CertificateError):
        return UnreachableError("certificate is for another host")
    if isinstance(cause, SSL.Error):
        return UnreachableError(_tls(cause))
    if isinstance(cause, error.TimeoutError | error.TCPTimedOutError):
        return ProbeTimeoutError("connection timed out")
    for kind, words in _WORDS:
        if isinstance(cause, kind):
            return UnreachableError(words)
    if isinstance(cause, error.ConnectError | OSError):
        number = getattr(cause, "osError", None) or getattr(cause, "errno", None)
        return UnreachableError("no route to host" if number in _NO_ROUTE else "cannot connect")
    return None


def _tls(cause: SSL.Error) -> str:
    if "certificate verify failed" in str(cause):
        return "certificate not trusted"
    return "TLS handshake failed"


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (error.DNSLookupError, "host not found"),
    (error.UnknownHostError, "host not found"),
    (error.ConnectionRefusedError, "connection refused"),
    (error.NoRouteError, "no route to host"),
    (error.ConnectionAborted, "connection closed"),
    (error.ConnectionLost, "connection reset"),
    (error.ConnectionDone, "connection closed before the answer was complete"),
    (error.ConnectionClosed, "connection closed"),
)
