"""Tests for `openusage.providers.registry`."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.providers import IProvider, registry
from openusage.providers.registry import GROUP, builtin_providers, find_providers
from openusage.settings import is_id
from openusage.testing import FakeProvider
from tests.pieces import words

# --- what other packages may install --------------------------------------------------------------


def good() -> FakeProvider:
    return FakeProvider(id="good")


def better() -> FakeProvider:
    return FakeProvider(id="better")


def taken() -> FakeProvider:
    return FakeProvider(id="claude")


def odd_id() -> FakeProvider:
    return FakeProvider(id="../Odd")


def no_text() -> Any:
    provider: Any = FakeProvider()
    provider.id = 5
    return provider


def crashing() -> FakeProvider:
    raise ZeroDivisionError("no luck")


class Half:
    """Lacks most of what a provider has."""

    id = "half"
    name = "Half"


class NoArguments(FakeProvider):
    """Its probe is called in another way."""

    async def probe(self) -> Any:  # type: ignore[override]
        """Take no host."""


nothing = None


def installed(*names: str) -> list[EntryPoint]:
    """Entry points that name things of this module."""
    return [EntryPoint(name, f"{__name__}:{name}", GROUP) for name in names]


class BuiltinProvidersTests(SynchronousTestCase):
    """Tests for `builtin_providers`."""

    def test_interface(self) -> None:
        """Each of them is a whole provider with an id of its own."""
        found = builtin_providers()

        for provider in found:
            self.assertTrue(verifyObject(IProvider, provider, tentative=True))
            self.assertTrue(is_id(provider.id), provider.id)
            self.assertRegex(provider.brand_color, "^#[0-9a-fA-F]{6}$")
        self.assertEqual(len({provider.id for provider in found}), len(found))

    def test_order(self) -> None:
        """Claude and Codex come first."""
        self.assertEqual([provider.id for provider in builtin_providers()][:2], ["claude", "codex"])

    def test_lines(self) -> None:
        """No provider declares two lines of one label, nor two limits of one key."""
        for provider in builtin_providers():
            labels = [line.label for line in provider.lines]
            limits = [line.resource for line in provider.lines if line.resource is not None]
            self.assertEqual(sorted(set(labels)), sorted(labels), provider.id)
            self.assertEqual(sorted(set(limits)), sorted(limits), provider.id)


class FindProvidersTests(SynchronousTestCase):
    """Tests for `find_providers`."""

    def found(self, *names: str) -> list[str]:
        """The ids of what is found beside the built-in ones."""
        builtin = builtin_providers()
        found = find_providers(installed(*names))
        self.assertEqual([p.id for p in found[: len(builtin)]], [p.id for p in builtin])
        return [provider.id for provider in found[len(builtin) :]]

    def test_installed(self) -> None:
        """Installed providers come after the built-in ones, in the order they are found."""
        self.assertEqual(self.found("good", "better"), ["good", "better"])

    def test_broken(self) -> None:
        """One that is broken, in whatever way, is named and skipped, and costs no other."""
        for name, reason in (
            ("crashing", "ZeroDivisionError: no luck"),
            ("absent", "AttributeError: "),
            ("nothing", "TypeError: "),
            ("odd_id", "ValueError: '../Odd' is no id"),
            ("no_text", "TypeError: "),
            ("taken", "ValueError: the id 'claude' is taken"),
            ("Half", "TypeError: not a provider: "),
            ("NoArguments", "TypeError: not a provider: "),
        ):
            with capturedLogs() as events:
                self.assertEqual(self.found(name, "good"), ["good"], name)
            (said,) = words(events)
            self.assertIn(f"provider {name} is skipped: {reason}", said)

    def test_no_module(self) -> None:
        """A package that is gone, or does not import, is skipped."""
        gone = EntryPoint("gone", "openusage_gone.providers:Gone", GROUP)
        with capturedLogs() as events:
            found = find_providers([gone, *installed("good")])

        self.assertEqual(found[-1].id, "good")
        self.assertEqual(len(found), len(builtin_providers()) + 1)
        self.assertIn("provider gone is skipped: ModuleNotFoundError", words(events)[0])

    def test_twice(self) -> None:
        """Of two installed providers with one id the first is taken."""
        with capturedLogs() as events:
            self.assertEqual(self.found("good", "good"), ["good"])

        self.assertIn("ValueError: the id 'good' is taken", words(events)[0])

    def test_group(self) -> None:
        """Unless told otherwise it looks in the group that the documentation names."""
        asked: list[str] = []

        def entry_points(*, group: str) -> list[EntryPoint]:
            asked.append(group)
            return installed("good")

        self.patch(registry, "entry_points", entry_points)

        self.assertEqual(find_providers()[-1].id, "good")
        self.assertEqual(asked, ["openusage.providers"])
