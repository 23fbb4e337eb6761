"""Tests for `openusage.host.host`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host, Visit
from openusage.model import MalformedError, Snapshot, Text, UnreachableError
from openusage.testing import NOW, fake_host
from tests.pieces import after

HOME = Path("/home/ada")
LINE = Text("Today", "$5.17")


class HostTests(SynchronousTestCase):
    """Tests for `Host`."""

    def setUp(self) -> None:
        self.visit = Visit()
        self.host = fake_host(HOME, visit=self.visit)

    def test_path(self) -> None:
        """A tilde is the home of the instance, and a relative path starts there."""
        for text, path in (
            ("~", HOME),
            ("~/.claude", HOME / ".claude"),
            ("~\\.claude", HOME / ".claude"),
            (".claude", HOME / ".claude"),
            ("/srv/claude", Path("/srv/claude")),
        ):
            self.assertEqual(self.host.path(text), path, text)

    def test_agent(self) -> None:
        """For a service that answers its own tool only, tool and program are named."""
        self.assertEqual(
            self.host.agent("claude-code/2.1.69"), "claude-code/2.1.69 (compatible; openusage/0)"
        )
        self.assertEqual(evolve(self.host, compatible_agent="mine/1").agent("x/1"), "mine/1")

    def test_snapshot(self) -> None:
        """A snapshot is of this instance, and of now unless it says otherwise."""
        self.assertEqual(
            self.host.snapshot([LINE], "Pro"), Snapshot("claude", "Claude", "Pro", [LINE], NOW)
        )
        older = self.host.snapshot([LINE], fetched_at=after(hours=-1))
        self.assertEqual((older.plan, older.fetched_at), (None, after(hours=-1)))
        self.assertRaises(MalformedError, self.host.snapshot, [])

    def test_identify(self) -> None:
        """Of a login a digest is kept: the same for the same, another for another."""
        digests = []
        for account in ("ada", "bob", "ada", "\ud800"):
            self.host.identify(account)
            digests.append(self.visit.credential)

        self.assertEqual(digests[0], digests[2])
        self.assertEqual(len(set(digests)), 3)
        for digest in digests:
            self.assertRegex(digest or "", "^[0-9a-f]{16}$")

    def test_claim(self) -> None:
        """Whoever began the visit may refuse the login."""
        claimed: list[str] = []

        def refuse(credential: str) -> None:
            claimed.append(credential)
            raise UnreachableError("not this one")

        self.visit.claim = refuse

        self.assertRaises(UnreachableError, self.host.identify, "ada")
        self.assertEqual(claimed, [self.visit.credential])

    def test_ask_again(self) -> None:
        """Of several wishes the soonest counts."""
        for wish in (after(minutes=3), after(minutes=1), after(minutes=2)):
            self.host.ask_again(wish)

        self.assertEqual(self.visit.again_at, after(minutes=1))

    def test_ask_again_without_a_zone(self) -> None:
        """A wish without a time zone is the provider's mistake, and its own trouble."""
        naive = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - what must be refused

        self.assertRaises(ValueError, self.host.ask_again, naive)
        self.assertIsNone(self.visit.again_at)

    def test_note(self) -> None:
        """Remarks are kept once each, in order."""
        self.host.note("b", "a", "b")
        self.host.note("a", "c")

        self.assertEqual(self.visit.notes, ["b", "a", "c"])

    def test_watch(self) -> None:
        """Files to watch are gathered as paths, however they were named."""
        careless: Any = self.host

        self.host.watch(HOME / "a", HOME / "b")
        careless.watch("/home/ada/b")

        self.assertEqual(self.visit.watched, {HOME / "a", HOME / "b"})

    def test_visits(self) -> None:
        """What one visit says is not said by another."""
        other: Host = fake_host(HOME, visit=Visit())
        self.host.note("a")
        self.host.watch(HOME)

        self.assertEqual((other.visit.notes, other.visit.watched), ([], set()))
