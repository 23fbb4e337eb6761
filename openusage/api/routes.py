"""Every route, by Klein: reads of the store, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from attrs import define
from klein import Klein
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from werkzeug.exceptions import HTTPException

from openusage.api.answers import answer_error, answer_json, answer_nothing
from openusage.health import HealthReport
from openusage.log import logger
from openusage.store import Store
from openusage.wire import encode

__all__ = ["Api"]

P = ParamSpec("P")


def _reads(
    handler: Callable[Concatenate[Any, IRequest, P], bytes],
) -> Callable[Concatenate[Any, IRequest, P], bytes]:
    """`handler` for GET, an empty answer for OPTIONS, a refusal for any other method, HEAD too."""

    @wraps(handler)
    def answer(self: Any, request: IRequest, /, *args: P.args, **kwargs: P.kwargs) -> bytes:
        if request.method == b"GET":
            return handler(self, request, *args, **kwargs)
        if request.method == b"OPTIONS":
            return answer_nothing(request)
        return answer_error(request, 405, "method_not_allowed")

    return answer


@define(eq=False)
class Api:
    """Snapshots and health over HTTP, read only."""

    store: Store
    health: Callable[[], HealthReport]
    app = Klein()
    _log = logger(__name__)

    @app.route("/v1/usage")
    @_reads
    def collection(self, request: IRequest) -> bytes:
        """The snapshots of all enabled instances that have one, in the person's order."""
        return answer_json(request, self.store.collection)

    @app.route("/v1/usage/<provider_id>")
    @_reads
    def usage(self, request: IRequest, provider_id: str) -> bytes:
        """The snapshot of one instance, enabled or not."""
        if self.store.roster.get(provider_id) is None:
            return answer_error(request, 404, "provider_not_found")
        body = self.store.body(provider_id)
        return answer_nothing(request) if body is None else answer_json(request, body)

    @app.route("/v1/health")
    @_reads
    def health_route(self, request: IRequest) -> bytes:
        """How the probes of every instance go, and what is wrong with the settings."""
        return answer_json(request, encode(self.health()))

    @app.handle_errors(HTTPException)
    def no_route(self, request: IRequest, failure: Failure) -> bytes:
        """Whatever Werkzeug has to say of a path, a redirect too, is that we do not have it."""
        return answer_error(request, 404, "not_found")

    @app.handle_errors(CancelledError)
    def gone(self, request: IRequest, failure: Failure) -> None:
        """The client left before its answer was ready."""

    @app.handle_errors(Exception)
    def crashed(self, request: IRequest, failure: Failure) -> bytes:
        """A bug of ours: the log has it all, the client learns nothing of our insides."""
        self._log.failure("a request could not be answered", failure)
        return answer_error(request, 500, "internal_error")
