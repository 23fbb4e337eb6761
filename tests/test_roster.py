"""Tests for `openusage.roster`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from openusage.providers import Provider
from openusage.roster import FALLBACK, Instance, Roster, instances_of, make_roster
from openusage.settings import Account, Plugins, Settings
from openusage.testing import FakeProvider

HOME = Path("/home/ada")


def providers(*ids: str) -> list[Provider]:
    return [FakeProvider(id=name, name=name.title()) for name in ids]


def instances(*ids: str) -> list[Instance]:
    return [Instance(p.id, p.name, p) for p in providers(*ids)]


class InstanceTests(SynchronousTestCase):
    """Tests for `Instance`."""

    def test_declared(self) -> None:
        """An account is declared, a provider as such is not."""
        provider = FakeProvider(id="claude")

        self.assertFalse(Instance("claude", "Claude", provider).declared)
        self.assertTrue(Instance("claude-work", "Claude", provider).declared)


class RosterTests(SynchronousTestCase):
    """Tests for `Roster`."""

    def setUp(self) -> None:
        self.roster = Roster(tuple(instances("a", "b", "c")), frozenset({"c", "a"}))

    def test_get(self) -> None:
        """Any known instance is found by its id, enabled or not."""
        self.assertEqual(self.roster.get("b"), self.roster.instances[1])
        self.assertIsNone(self.roster.get("d"))

    def test_order(self) -> None:
        """`order` and `shown` are the enabled ones in the order of all."""
        self.assertEqual(self.roster.order, ("a", "c"))
        self.assertEqual([i.id for i in self.roster.shown], ["a", "c"])

    def test_empty(self) -> None:
        """Nothing is known at first."""
        self.assertEqual(Roster().order, ())
        self.assertIsNone(Roster().get("a"))


class InstancesOfTests(SynchronousTestCase):
    """Tests for `instances_of`."""

    def account(self, *accounts: Account) -> tuple[list[Instance], tuple[str, ...]]:
        """The declared instances, beside those of `claude` and `codex`, and the problems."""
        found, problems = instances_of(
            providers("claude", "codex"), Settings(accounts=accounts), HOME
        )
        self.assertEqual([i.id for i in found[:2]], ["claude", "codex"])
        return list(found[2:]), problems

    def test_default(self) -> None:
        """A provider as such is an instance of its own id and name, overlaid with nothing."""
        (found,), problems = instances_of(providers("claude"), Settings(), HOME)

        self.assertEqual(
            (found.id, found.name, dict(found.env), found.home), ("claude", "Claude", {}, None)
        )
        self.assertEqual(problems, ())

    def test_account(self) -> None:
        """An account is an instance with what the person declared of it."""
        (work,), problems = self.account(
            Account("work", "codex", "Codex (work)", {"CODEX_HOME": "~/.codex-work", "X": None})
        )

        self.assertEqual((work.id, work.name, work.provider.id), ("work", "Codex (work)", "codex"))
        self.assertEqual(work.env, {"CODEX_HOME": "~/.codex-work", "X": None})
        self.assertEqual(problems, ())

    def test_name(self) -> None:
        """An account without a name is called after its provider and its id."""
        (work,), _ = self.account(Account("work", "codex"))

        self.assertEqual(work.name, "Codex (work)")

    def test_home(self) -> None:
        """An account's home may begin with a tilde; a relative one starts in the home folder."""
        for text, home in (
            (None, None),
            ("~", HOME),
            ("~/work", HOME / "work"),
            ("~\\work", HOME / "work"),
            ("work", HOME / "work"),
            ("/srv/work", Path("/srv/work")),
        ):
            (work,), _ = self.account(Account("work", "codex", home=text))
            self.assertEqual(work.home, home, text)

    def test_unknown_provider(self) -> None:
        """An account of a provider that is not there is told of and left out; the others stay."""
        found, problems = self.account(Account("a", "cluade"), Account("b", "claude"))

        self.assertEqual([i.id for i in found], ["b"])
        self.assertEqual(problems, ("account a: no provider 'cluade' (there are: claude, codex)",))

    def test_taken(self) -> None:
        """An account may not have the id of a provider, not even of its own."""
        for provider in ("claude", "codex"):
            found, problems = self.account(Account("claude", provider))
            self.assertEqual(found, [])
            self.assertEqual(
                problems, ("account claude: the id is that of a provider; choose another",)
            )


class MakeRosterTests(SynchronousTestCase):
    """Tests for `make_roster`."""

    def enabled(
        self, plugins: Plugins, detected: Collection[str], *ids: str, account: str | None = None
    ) -> tuple[str, ...]:
        """The enabled ids, in order, out of `ids` or the usual four."""
        known = instances(*(ids or ("claude", "codex", "cursor", "zai")))
        if account:
            known.append(Instance(account, account, known[0].provider))
        return make_roster(known, Settings(plugins=plugins), detected).order

    def test_detected(self) -> None:
        """Without a choice, what was found is on, and nothing else."""
        self.assertEqual(self.enabled(Plugins(), {"zai", "codex"}), ("codex", "zai"))

    def test_fallback(self) -> None:
        """When nothing was found and nothing chosen, three are on, as far as there are such."""
        self.assertEqual(FALLBACK, ("claude", "codex", "cursor"))
        self.assertEqual(self.enabled(Plugins(), ()), FALLBACK)
        self.assertEqual(self.enabled(Plugins(), (), "zai", "codex"), ("codex",))

    def test_no_fallback(self) -> None:
        """One that was found, chosen or declared is enough for the three to stay off."""
        self.assertEqual(self.enabled(Plugins(), {"zai"}), ("zai",))
        self.assertEqual(self.enabled(Plugins(enabled=("zai",)), ()), ("zai",))
        self.assertEqual(self.enabled(Plugins(), (), account="work"), ("work",))

    def test_enabled(self) -> None:
        """A choice adds to what was found."""
        self.assertEqual(self.enabled(Plugins(enabled=("zai",)), {"codex"}), ("codex", "zai"))

    def test_disabled(self) -> None:
        """A choice against one wins over its being found, chosen, declared or one of the three."""
        off = Plugins(disabled=("codex", "work"), enabled=("codex", "zai"))

        self.assertEqual(self.enabled(off, {"codex", "claude"}, account="work"), ("claude", "zai"))
        self.assertEqual(self.enabled(Plugins(disabled=("codex",)), ()), ("claude", "cursor"))

    def test_all_disabled(self) -> None:
        """Who turns off all that was found gets nothing instead."""
        self.assertEqual(self.enabled(Plugins(disabled=("zai",)), {"zai"}), ())

    def test_order(self) -> None:
        """The person's order comes first, then the order there is; unknown ids do not matter."""
        roster = make_roster(
            instances("a", "b", "c", "d"),
            Settings(plugins=Plugins(order=("gone", "d", "b"))),
            {"a", "b", "d"},
        )

        self.assertEqual([i.id for i in roster.instances], ["d", "b", "a", "c"])
        self.assertEqual(roster.order, ("d", "b", "a"))

    def test_unknown(self) -> None:
        """Ids that nobody has, chosen or found, are no instances and keep nothing off."""
        self.assertEqual(self.enabled(Plugins(enabled=("gone",)), {"gone too"}), FALLBACK)
