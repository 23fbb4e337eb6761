"""Listening: a port that cannot be had costs the API, never the process."""

from __future__ import annotations

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint

from openusage.api.site import ApiSite
from openusage.log import logger

__all__ = ["DEFAULT", "Listening", "private"]

DEFAULT = "tcp:6736:interface=127.0.0.1"


def private(description: str) -> str:
    """The endpoint, with a unix socket that only its owner may use unless its mode is given."""
    if description.startswith("unix:") and ":mode=" not in description:
        return f"{description}:mode=600"
    return description


@define(eq=False, slots=False)
class Listening(Service):
    """Serve `site` at `endpoint`, which the person wrote as `description`, while running."""

    endpoint: IStreamServerEndpoint
    site: ApiSite
    description: str
    _port: Deferred[IListeningPort | None] | None = field(default=None, init=False)
    _log = logger(__name__)

    def startService(self) -> None:
        """Listen, or say in one line of the log that the API is off, and why."""
        super().startService()
        self._port = Deferred.fromCoroutine(self._listen())

    def stopService(self) -> Deferred[None]:
        """Close the port, then its connections."""
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _listen(self) -> IListeningPort | None:
        try:
            port: IListeningPort = await self.endpoint.listen(self.site)
        except CancelledError:
            return None
        except (CannotListenError, OSError, OverflowError) as error:  # a port over 65535, the last
            reason = getattr(error, "socketError", error)
            self._log.info(
                "HTTP API is off for this session: {where}: {reason}",
                where=self.description,
                reason=getattr(reason, "strerror", None) or str(reason),
            )
            return None
        self._log.info("HTTP API on {where}", where=_where(port.getHost()))
        return port

    async def _close(self) -> None:
        if self._port is None:
            return
        waiting, self._port = self._port, None
        waiting.cancel()  # matters only while the endpoint is not listening yet
        port = await waiting
        if port is not None:
            await maybeDeferred(port.stopListening)
        await self.site.close()


def _where(address: object) -> str:
    """An address as a person would write it: `127.0.0.1:6736`, or the path of a socket."""
    if isinstance(address, IPv4Address | IPv6Address):
        return f"{address.host}:{address.port}"
    name = getattr(address, "name", None)
    return name.decode(errors="replace") if isinstance(name, bytes) else str(address)
