"""What every built-in provider promises, whatever its service: told once, held for all of them.

A provider joins by a module in `tests/planters`, which says how its login is stored and what its
service answers. What it promises when things go wrong is in `test_provider_contract_troubles`.
"""

from __future__ import annotations

import json
import re

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.model import NotAvailableError, NotLoggedInError, Progress
from openusage.providers.interface import IProvider, Provider
from openusage.providers.registry import builtin_providers
from openusage.settings import is_id
from openusage.testing import NOW
from openusage.wire import encode
from tests.contract import (
    PLATFORMS,
    Contract,
    Service,
    each_provider,
    strangers,
    with_odd_parts,
)
from tests.planters import planters
from tests.planters.planter import ACCESS, OWNER, Planter

DAMAGES: tuple[tuple[str, bytes], ...] = (
    ("empty", b""),
    ("blank", b" \n"),
    ("no JSON", f"{{{ACCESS}".encode()),
    ("half JSON", f'{{"tokens": {{"access_token": "{ACCESS}'.encode()),
    ("list", json.dumps([ACCESS]).encode()),
    ("text", json.dumps(ACCESS).encode()),
    ("null", b"null"),
    ("other keys", json.dumps({"owner": OWNER}).encode()),
    ("nested without end", b"[" * 100_000),
    ("no UTF-8", b"\xff\xfe\x00" + ACCESS.encode()),
    ("too large", b" " * (8 * 2**20 + 1)),
)
"""What may be in a file in the place of a login."""

BLANKS: tuple[tuple[str, str], ...] = (
    ("empty", ""),
    ("blank", " \t\n"),
    ("colors only", "\x1b[0m\x1b[31m"),
    ("two words", f"{ACCESS} {ACCESS}"),
    ("not ASCII", f"{ACCESS}-ключ"),
)
"""What may be in a variable in the place of a login."""


class PlantersTests(SynchronousTestCase):
    """`planters`."""

    def test_complete(self) -> None:
        """Every built-in provider is held to the contract."""
        self.assertEqual({provider.id for provider in builtin_providers()}, set(planters()))

    def test_written_well(self) -> None:
        """A planter names its login, its requests by method and address, and who renews by address.

        What is bought is known from what was there before.
        """
        for name, planter in planters().items():
            self.assertTrue(planter.file or planter.env, name)
            for request in planter.answers:
                self.assertRegex(request, r"\A[A-Z]+ https?://[a-z0-9.-]+[/:]", name)
            self.assertEqual(planter.renewal is None, planter.renewed is None, name)
            if planter.renewal is not None:
                self.assertRegex(planter.renewal, r"\Ahttps://[a-z0-9.-]+/", name)
                self.assertIn("PLANTED", json.dumps(planter.renewed), name)


@each_provider
class ManifestTests(Contract):
    """What a provider says of itself."""

    def test_interface(self, provider: Provider, planter: Planter) -> None:
        """It is a provider in full, with an id that can stand in a URL, and a name."""
        self.assertTrue(verifyObject(IProvider, provider))
        self.assertTrue(is_id(provider.id))
        self.assertTrue(provider.name.strip())

    def test_color(self, provider: Provider, planter: Planter) -> None:
        """Its colour is `#RRGGBB`."""
        self.assertRegex(provider.brand_color, r"\A#[0-9A-Fa-f]{6}\Z")

    def test_links(self, provider: Provider, planter: Planter) -> None:
        """It has links, which are secure and named."""
        self.assertTrue(provider.links)
        for link in provider.links:
            self.assertRegex(link.url, r"\Ahttps://[a-z0-9.-]+/")
            self.assertTrue(link.label.strip())

    def test_labels(self, provider: Provider, planter: Planter) -> None:
        """Each line is declared once."""
        labels = [line.label for line in provider.lines]
        self.assertTrue(labels)
        self.assertEqual(sorted(labels), sorted(set(labels)))
        self.assertTrue(all(label.strip() for label in labels))

    def test_resources(self, provider: Provider, planter: Planter) -> None:
        """Each limit has a key of its own, in camel case."""
        keys = [line.resource for line in provider.lines if line.resource is not None]
        self.assertTrue(keys)
        self.assertEqual(sorted(keys), sorted(set(keys)))
        for key in keys:
            self.assertTrue(re.fullmatch(r"[a-z]+(?:[A-Z][a-z]*)*", key), key)

    def test_headline(self, provider: Provider, planter: Planter) -> None:
        """Only progress lines are headlines, with a rank each; one at most is the weekly one."""
        ranked = [line for line in provider.lines if line.primary is not None]
        weekly = [line for line in provider.lines if line.weekly]
        self.assertLessEqual({line.type for line in (*ranked, *weekly)}, {"progress"})
        self.assertEqual(len({line.primary for line in ranked}), len(ranked))
        self.assertLessEqual(len(weekly), 1)


@each_provider
class DetectTests(Contract):
    """`Provider.detect`."""

    def detect(self, provider: Provider, planter: Planter, platform: str) -> str | None:
        http = Service(planter)
        before = self.files()
        host = self.host(provider, http, platform=platform)
        found = self.successResultOf(Deferred.fromCoroutine(provider.detect(host)))
        self.assertEqual([*http.asked, *http.renewals], [])
        self.assertEqual(self.keychain.asked, [])
        self.assertFalse(self.states.exists())
        self.assertEqual(self.files(), before)
        return found

    def test_nothing(self, provider: Provider, planter: Planter) -> None:
        """On an empty machine nothing is found, no request is made and no keychain asked."""
        for platform in PLATFORMS:
            self.assertIsNone(self.detect(provider, planter, platform), platform)
            self.assertEqual(list(self.home.iterdir()), [])

    def test_login(self, provider: Provider, planter: Planter) -> None:
        """A login is found where it is, named without a path of the machine."""
        self.plant(planter)
        for platform in PLATFORMS if planter.everywhere else (planter.platform,):
            self.assertEqual(self.detect(provider, planter, platform), planter.place, platform)

    def test_damaged(self, provider: Provider, planter: Planter) -> None:
        """A damaged login is none."""
        for name, content in DAMAGES if planter.file else ():
            with self.case(planter, name):
                (self.home / str(planter.file)).write_bytes(content)
                self.assertIsNone(self.detect(provider, planter, planter.platform))
        for name, value in () if planter.file else BLANKS:
            with self.case(planter, name):
                self.env = dict.fromkeys(planter.env, value)
                self.assertIsNone(self.detect(provider, planter, planter.platform))


@each_provider
class ProbeTests(Contract):
    """`Provider.probe` when all is well."""

    def test_snapshot(self, provider: Provider, planter: Planter) -> None:
        """The snapshot is that of the instance, of now, has figures, and says whose it is."""
        self.plant(planter)
        host = evolve(self.host(provider, Service(planter)), id="a-second-one", name="The second")

        snapshot = self.successResultOf(Deferred.fromCoroutine(provider.probe(host)))

        self.assertEqual(snapshot.provider_id, "a-second-one")
        self.assertEqual(snapshot.display_name, "The second")
        self.assertEqual(snapshot.fetched_at, NOW)
        if planter.plan is not None:
            self.assertEqual(snapshot.plan, planter.plan)
        self.assertTrue(any(isinstance(line, Progress) for line in snapshot.lines), snapshot)
        self.assertIsNotNone(host.visit.credential)

    def test_declared(self, provider: Provider, planter: Planter) -> None:
        """The lines are among the declared ones, and of the declared type."""
        self.plant(planter)
        snapshot = self.snapshot(provider, Service(planter))
        declared = {(line.label, line.type) for line in provider.lines}
        for line in json.loads(encode(snapshot))["lines"]:
            self.assertIn((line["label"], line["type"]), declared)

    def test_requests(self, provider: Provider, planter: Planter) -> None:
        """Only the service is asked, no more than it need be, by checked TLS, and not led astray.

        Nothing is spent and no file is touched, nor made.
        """
        self.plant(planter)
        http = Service(planter)
        self.probe(provider, http)

        self.assertEqual(bool(http.asked), bool(planter.answers))
        self.assertLessEqual(len(http.asked), planter.requests)
        self.assertTrue(http.renewals == [] or not planter.spends, http.renewals)
        self.assertEqual(http.unsafe, [])
        self.assertEqual(self.files(), self.planted)
        self.assertEqual(self.keychain.saved, [])

    def test_watched(self, provider: Provider, planter: Planter) -> None:
        """The file with the login is watched, so that a new one is noticed.

        One that the tool writes all the time is watched until there is a login in it.
        """
        if planter.file is None:
            return
        path = self.home / planter.file
        without = self.probe(provider, Service(planter)).host.visit.watched
        self.plant(planter)
        having = self.probe(provider, Service(planter)).host.visit.watched
        self.assertEqual(path in having, planter.watched)
        if planter.looked is None:
            self.assertIn(path, without)

    def test_state(self, provider: Provider, planter: Planter) -> None:
        """What is remembered survives a restart, and is for its owner's eyes alone."""
        self.plant(planter)
        http = Service(planter)
        first = self.probe(provider, http)
        asked = [*http.asked, *http.renewals]
        second = self.probe(provider, http)

        self.assertEqual(second.outcome, first.outcome)
        self.assertEqual([*http.asked, *http.renewals], asked)
        files = list(self.states.iterdir()) if self.states.exists() else []
        self.assertEqual(len(files), 1 if planter.answers else 0)
        for file in files:
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
            self.assertLess(file.stat().st_size, 100_000)

    def test_private(self, provider: Provider, planter: Planter) -> None:
        """Neither a token nor an address nor a path is kept or shown."""
        self.plant(planter)
        self.assert_private(self.probe(provider, Service(planter)))

    def test_unknown_keys(self, provider: Provider, planter: Planter) -> None:
        """Keys that nobody knows change nothing, be they in the login or in the answers."""
        self.plant(planter)
        expected = self.snapshot(provider, Service(planter))
        for strange in (
            evolve(planter, login=strangers(planter.login)),
            evolve(planter, answers=strangers_in_each(planter)),
        ):
            self.empty()
            if self.planted_if_possible(strange):
                self.assertEqual(self.snapshot(provider, Service(strange)), expected)

    def test_wrong_answers(self, provider: Provider, planter: Planter) -> None:
        """Whatever stands in the place of any part of an answer, the probe ends as it should."""
        self.plant(planter)
        for request, answer in planter.answers.items():
            for odd in with_odd_parts(answer):
                strange = evolve(planter, answers={**planter.answers, request: odd})
                self.forget()
                with self.named(f"{request}: {odd!r:.1000}"):
                    self.assert_private(self.probe(provider, Service(strange, anybody=True)))


def strangers_in_each(planter: Planter) -> dict[str, object]:
    """The answers of `planter`, each with unknown keys."""
    return {request: strangers(answer) for request, answer in planter.answers.items()}


@each_provider
class NoLoginTests(Contract):
    """`Provider.probe` without a usable login."""

    def test_nothing(self, provider: Provider, planter: Planter) -> None:
        """The error says where a login was looked for, and nothing is sent."""
        http = Service(planter)
        visitor = self.probe(provider, http)
        self.assertIsInstance(visitor.outcome, NotLoggedInError)
        self.assertIn(planter.looked or planter.place, str(visitor.outcome))
        self.assertEqual([*http.asked, *http.renewals], [])
        self.assert_private(visitor)

    def test_damaged(self, provider: Provider, planter: Planter) -> None:
        """A damaged login is none: the error names its place and nothing of what is in it."""
        for name, content in DAMAGES if planter.file else ():
            with self.case(planter, name):
                (self.home / str(planter.file)).write_bytes(content)
                self.assert_refused(provider, planter)
        for name, value in () if planter.file else BLANKS:
            with self.case(planter, name):
                self.env = dict.fromkeys(planter.env, value)
                self.assert_refused(provider, planter)

    def assert_refused(self, provider: Provider, planter: Planter) -> None:
        http = Service(planter)
        visitor = self.probe(provider, http)
        self.assertIsInstance(visitor.outcome, (NotLoggedInError, NotAvailableError))
        self.assertIn(planter.place, str(visitor.outcome))
        self.assertEqual([*http.asked, *http.renewals], [])
        self.assert_private(visitor)

    def test_wrong_types(self, provider: Provider, planter: Planter) -> None:
        """Whatever stands in the place of any part of a login, the probe ends as it should."""
        written = 0
        for odd in with_odd_parts(planter.login) if planter.file else ():
            strange = evolve(planter, login=odd)
            self.empty()
            if self.planted_if_possible(strange):
                written += 1
                with self.named(f"{odd!r:.1000}"):
                    self.assert_private(self.probe(provider, Service(strange, anybody=True)))
        self.assertEqual(written > 0, planter.file is not None)
