"""A provider of somebody else's, and its test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from openusage.host import Host
from openusage.model import Count, NotLoggedInError, Progress, Snapshot
from openusage.providers import DeclaredLine, IProvider, Link, Provider
from openusage.testing import FakeHttp, fake_host

if TYPE_CHECKING:
    from typing_extensions import assert_type


@implementer(IProvider)
class Mine:
    """Asks a service for the requests of the month."""

    id = "mine"
    name = "Mine"
    brand_color = "#336699"
    links: Sequence[Link] = (Link("Usage", "https://mine.example/usage"),)
    lines = (DeclaredLine("Requests", "progress", "overview", resource="requests", primary=1),)

    async def detect(self, host: Host) -> str | None:
        """Where the key is, if there is one."""
        return "MINE_KEY" if host.env.get("MINE_KEY") else None

    async def probe(self, host: Host) -> Snapshot:
        """Ask once."""
        key = host.env.get("MINE_KEY")
        if key is None:
            raise NotLoggedInError("Set MINE_KEY.")
        host.identify(key)
        host.watch(host.path("~/.mine/key"))
        answer = await host.http.request("GET", "https://mine.example/usage")
        assert_type(answer.status, int)
        body: dict[str, Any] = answer.json()
        state = await host.state.read()
        assert_type(state, dict[str, Any])
        await host.state.write({**state, "seen": body["used"]})
        host.note("a remark")
        host.ask_again(host.now() + timedelta(minutes=2))
        meter = Progress("Requests", body["used"], body["limit"], Count("requests"))
        return host.snapshot([meter], plan="Pro")


class MineTests(SynchronousTestCase):
    """How somebody else tests it."""

    def test_probe(self) -> None:
        """The month's requests are shown."""
        http = FakeHttp()
        http.reply("GET", "https://mine.example/", body={"used": 1, "limit": 10})
        host = fake_host(Path(self.mktemp()), id="mine", env={"MINE_KEY": "k"}, http=http)

        snapshot = self.successResultOf(Deferred.fromCoroutine(Mine().probe(host)))

        self.assertEqual(snapshot.plan, "Pro")


PROVIDERS: Sequence[Provider] = (Mine(),)
KIND: type[Provider] = Mine
