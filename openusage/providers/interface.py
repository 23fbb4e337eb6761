"""What a provider is: `IProvider` for zope.interface, `Provider` for the type checker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from attrs import field, frozen
from attrs.validators import in_, matches_re
from zope.interface import Attribute, Interface

from openusage.model import Snapshot

if TYPE_CHECKING:  # a host brings HTTP with it, which who only reads the cache can do without
    from openusage.host import Host

__all__ = ["DeclaredLine", "IProvider", "Link", "Provider"]


@frozen
class DeclaredLine:
    """A line that a provider may return.

    `resource` is its key in `/v1/limits` (`None`: not a limit), `scope` says whether an overview
    shows it, `primary` ranks the progress lines for a single headline (lower goes first), `weekly`
    marks the one for a weekly headline. A line whose label depends on the account is not declared
    and served all the same.
    """

    label: str
    type: Literal["progress", "text", "badge", "barChart"] = field(
        validator=in_(("progress", "text", "badge", "barChart"))
    )
    scope: Literal["overview", "detail"] = field(
        default="detail", validator=in_(("overview", "detail"))
    )
    resource: str | None = None
    primary: int | None = None
    weekly: bool = False


@frozen
class Link:
    """A page of the provider that a person may want to open."""

    label: str
    url: str = field(validator=matches_re(r"https?://.+"))


class IProvider(Interface):
    """A service whose usage can be asked for.

    Stateless: what must outlive a probe is in `host.state`.
    """

    id = Attribute("Lower-case name used in the API, settings and file names.")
    name = Attribute("Display name.")
    lines = Attribute("Sequence of `DeclaredLine`, in the order in which they are shown.")
    links = Attribute("Sequence of `Link`.")
    brand_color = Attribute("`#RRGGBB`.")

    # zope.interface describes methods as they are called, so without `self`.
    def detect(host: Host) -> object:  # noqa: N805
        """Awaitable: where credentials or logs are (`~/.claude/.credentials.json`), or `None`.

        Local files and environment only: no network, no keychain prompt.
        """

    def probe(host: Host) -> object:  # noqa: N805
        """Awaitable: a `Snapshot`, made by `host.snapshot`.

        Raises one of the `ProbeError` family.
        """


class Provider(Protocol):
    """The typed twin of `IProvider`."""

    @property
    def id(self) -> str:
        """Lower-case name used in the API, settings and file names."""

    @property
    def name(self) -> str:
        """Display name."""

    @property
    def lines(self) -> Sequence[DeclaredLine]:
        """What a snapshot may have, in the order in which it is shown."""

    @property
    def links(self) -> Sequence[Link]:
        """Pages for the person."""

    @property
    def brand_color(self) -> str:
        """`#RRGGBB`."""

    async def detect(self, host: Host) -> str | None:
        """See `IProvider.detect`."""

    async def probe(self, host: Host) -> Snapshot:
        """See `IProvider.probe`."""
