"""Tests for `openusage.providers.logins`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host, Visit
from openusage.host.files import Files
from openusage.host.instants import from_epoch
from openusage.host.keychain import KeychainError
from openusage.host.numbers import numeric
from openusage.host.oauth import LoginStore, RefusedError, Tokens
from openusage.host.values import first_text
from openusage.model import ProbeTimeoutError, TokenExpiredError, UnreachableError
from openusage.providers.logins import (
    LONGEST_LIFE,
    JsonFile,
    KeychainItem,
    Login,
    Place,
    StoredLogin,
    ask_renewing,
    exchange,
    first_accepted,
    tokens_in,
)
from openusage.testing import NOW, FakeHttp, FakeKeychain, MemoryState, fake_host, run_inline

URL = "https://auth.toy.example/token"
OLD, NEW, OTHER = "at-old-1234567890", "at-new-1234567890", "at-other-1234567890"
RT_OLD, RT_NEW = "rt-old-1234567890", "rt-new-1234567890"
REFUSED = "Token expired. Run `toy` to log in again."
ENDED = "Session expired. Run `toy` to log in again."

_: tuple[type[Place], ...] = (JsonFile, KeychainItem)
_STORE: type[LoginStore[Login]] = StoredLogin


def document(access: str | None = OLD, hours: float | None = 1, **more: Any) -> dict[str, Any]:
    """What the toy tool stores; `None` takes a key away."""
    values = {
        "access": access,
        "refresh": RT_OLD,
        "expires": None if hours is None else NOW.timestamp() + hours * 3600,
        "kept": {"by": "the tool"},
        **more,
    }
    return {key: value for key, value in values.items() if value is not None}


def parse(values: Mapping[str, Any]) -> Login | None:
    """The login in what the toy tool stores."""
    access, refresh = first_text(values, "access"), first_text(values, "refresh")
    if access is None and refresh is None:
        return None
    seconds = numeric(values.get("expires"))
    expires = None if seconds is None else from_epoch(seconds)
    return Login(access, refresh, expires, values)


def put(values: Mapping[str, Any], tokens: Tokens) -> Mapping[str, Any]:
    """What the toy tool stores, with new tokens."""
    new: dict[str, Any] = {"access": tokens.access_token, "refresh": tokens.refresh_token}
    if tokens.expires_in is not None:
        new["expires"] = NOW.timestamp() + tokens.expires_in
    return {**values, **{key: value for key, value in new.items() if value is not None}}


class ReadOnlyFiles(Files):
    """Files that cannot be written."""

    async def write(self, path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))


class Case(SynchronousTestCase):
    """A machine of its own."""

    def setUp(self) -> None:
        self.empty()

    def empty(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.path = self.home / "login.json"
        self.http = FakeHttp()
        self.keychain = FakeKeychain()
        self.state = MemoryState()

    def host(self, *, refresh: bool = True, **more: Any) -> Host:
        """A host on which a login was identified."""
        host = fake_host(
            self.home,
            http=self.http,
            keychain=self.keychain,
            state=self.state,
            refresh_credentials=refresh,
            visit=Visit(),
            **more,
        )
        host.identify("ada")
        return host

    def done(self, work: Any) -> Any:
        """What a coroutine gives that must succeed at once."""
        return self.successResultOf(Deferred.fromCoroutine(work))


class LoginTests(SynchronousTestCase):
    """`Login`."""

    def test_private(self) -> None:
        """Neither a token nor anything stored beside it is shown."""
        login = Login(OLD, RT_OLD, NOW, {"id_token": "PLANTED"})
        for secret in (OLD, RT_OLD, "PLANTED"):
            self.assertNotIn(secret, repr(login))


class JsonFileTests(Case):
    """`JsonFile`."""

    def test_read(self) -> None:
        """The object in the file, plain or as hex; `None` for anything else."""
        place = JsonFile(self.host(), self.path)
        self.assertIsNone(self.done(place.read()))
        text = json.dumps(document())
        for form, expected in (
            (text, document()),
            (text.encode().hex(), document()),
            ("[]", None),
            ("{", None),
        ):
            self.path.write_text(form)
            self.assertEqual(self.done(place.read()), expected)

    def test_write(self) -> None:
        """Another object takes its place, indented as the tool does it, in the same mode."""
        for indent, text in (
            (2, '{\n  "a": [\n    1\n  ],\n  "b": "\\u00e4"\n}'),
            (4, '{\n    "a": [\n        1\n    ],\n    "b": "\\u00e4"\n}'),
            (None, '{"a":[1],"b":"\\u00e4"}'),
        ):
            self.path.write_text("old")
            self.path.chmod(0o640)
            self.done(JsonFile(self.host(), self.path, indent).write({"a": [1], "b": "ä"}))
            self.assertEqual(self.path.read_text(), text)
            self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)
            self.assertEqual([*self.home.iterdir()], [self.path])

    def test_write_fails(self) -> None:
        """What the system says when it cannot be written is raised."""
        host = evolve(self.host(), files=ReadOnlyFiles(run_inline))
        work = JsonFile(host, self.path).write({})
        self.failureResultOf(Deferred.fromCoroutine(work), OSError)

    def test_obstacle(self) -> None:
        """A folder that is closed to us is one."""
        place = JsonFile(self.host(), self.path)
        self.path.write_text("{}")
        self.assertIsNone(self.done(place.obstacle({})))
        self.patch(os, "access", lambda *_: False)
        self.assertEqual(self.done(place.obstacle({})), "its file cannot be replaced")

    def test_name(self) -> None:
        """The path names it."""
        self.assertEqual(JsonFile(self.host(), self.path).name, str(self.path))


class KeychainItemTests(Case):
    """`KeychainItem`."""

    def test_read(self) -> None:
        """The object in the item, plain or as hex; a dialog may be shown for it."""
        text = json.dumps(document())
        for form, expected in (
            (text, document()),
            (f"0x{text.encode().hex()}", document()),
            ("[]", None),
            (None, None),
        ):
            self.empty()
            if form is not None:
                self.keychain.items[("Toy", "ada")] = form
            place = KeychainItem(self.host(), "Toy")
            self.assertEqual(self.done(place.read()), expected)
            self.assertEqual(self.keychain.prompted, [("Toy", None)])

    def test_write(self) -> None:
        """Another object takes its place on one line, under the same account."""
        self.keychain.items[("Toy", "ada")] = "old"
        self.done(KeychainItem(self.host(), "Toy").write({"a": [1, 2], "b": None}))
        self.assertEqual(self.keychain.items, {("Toy", "ada"): '{"a":[1,2],"b":null}'})
        self.done(KeychainItem(self.host(), "Toy", "bob").write({}))
        self.assertEqual(self.keychain.items[("Toy", "bob")], "{}")

    def test_write_fails(self) -> None:
        """A keychain that does not take it is told."""
        self.keychain.read_only = True
        work = KeychainItem(self.host(), "Toy").write({})
        self.failureResultOf(Deferred.fromCoroutine(work), KeychainError)

    def test_obstacle(self) -> None:
        """An object that is too long for the system's keychain is one."""
        for platform, fits, too_long in (("darwin", 3000, 4000), ("win32", 1000, 2000)):
            place = KeychainItem(self.host(platform=platform), "Toy")
            self.assertIsNone(self.done(place.obstacle({"a": "x" * fits})))
            self.assertIn("too long", self.done(place.obstacle({"a": "x" * too_long})))

    def test_name(self) -> None:
        """Service and account name it."""
        names = {KeychainItem(self.host(), "Toy", account).name for account in (None, "a", "b")}
        self.assertEqual(len(names), 3)


# --- renewing -------------------------------------------------------------------------------------


@define
class Toy:
    """A toy tool's login in its file, its service and all that was sent.

    `bought` is what each refresh brings in turn, `good` are the access tokens that the service
    accepts; `meanwhile` happens while it is asked.
    """

    host: Host
    path: Path
    bought: list[Tokens | Exception | None] = field(factory=list)
    good: set[str] = field(factory=set)
    sent: list[str] = field(factory=list)
    told: list[bool] = field(factory=list)
    meanwhile: Callable[[], None] = lambda: None

    def store(self, **more: Any) -> StoredLogin:
        return StoredLogin(
            self.host, JsonFile(self.host, self.path, None), parse, put, self.buy, **more
        )

    async def buy(self, login: Login) -> Tokens | None:
        self.sent.append(f"refresh {login.refresh_token}")
        answer = self.bought.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask(self, login: Login, renewed: bool) -> str:
        self.sent.append(str(login.access_token))
        self.told.append(renewed)
        self.meanwhile()
        if login.access_token not in self.good:
            raise TokenExpiredError(REFUSED)
        return f"usage of {login.access_token}"


class RenewingCase(Case):
    """What becomes of a login, by what is stored and allowed."""

    def toy(self, stored: Mapping[str, Any], *, refresh: bool = True, **more: Any) -> Toy:
        """A toy tool with this login in its file."""
        self.empty()
        self.keep(stored)
        return Toy(self.host(refresh=refresh), self.path, **more)

    def keep(self, stored: Mapping[str, Any]) -> None:
        self.path.write_text(json.dumps(stored))

    def stored(self) -> Any:
        return json.loads(self.path.read_text())


class StoredLoginTests(RenewingCase):
    """`StoredLogin`."""

    def test_reload(self) -> None:
        """The login as it is stored now; `None` when it is gone or is none."""
        store = self.toy(document()).store()
        login = self.done(store.reload())
        self.assertEqual((login.access_token, login.document), (OLD, document()))
        self.keep({"other": 1})
        self.assertIsNone(self.done(store.reload()))
        self.path.unlink()
        self.assertIsNone(self.done(store.reload()))

    def test_due(self) -> None:
        """It is due `margin` before it expires, and without access token at once."""
        store = self.toy({}).store(margin=timedelta(minutes=5))
        for access, expires_at, due in (
            (OLD, NOW + timedelta(minutes=5, seconds=1), False),
            (OLD, NOW + timedelta(minutes=5), True),
            (OLD, NOW - timedelta(days=5), True),
            (OLD, None, False),
            (None, NOW + timedelta(days=1), True),
            (None, None, True),
        ):
            with self.subTest(access=access, expires_at=expires_at):
                self.assertEqual(store.due(Login(access, RT_OLD, expires_at, {})), due)
        unknown = Login(OLD, RT_OLD, None, {})
        self.assertTrue(self.toy({}).store(unknown_is_due=True).due(unknown))

    def test_tokens(self) -> None:
        """Its tokens are those of the login; without an access token that one is empty."""
        store = self.toy({}).store()
        self.assertEqual(store.tokens(Login(OLD, RT_OLD, None, {})), Tokens(OLD, RT_OLD))
        self.assertEqual(store.tokens(Login(None, RT_OLD, None, {})), Tokens("", RT_OLD))

    def test_renewed(self) -> None:
        """The renewed login is what can be read of the renewed document."""
        store = self.toy({}).store()
        login = parse(document())
        assert login is not None
        renewed = store.renewed(login, Tokens(NEW, RT_NEW, expires_in=60))
        self.assertEqual((renewed.access_token, renewed.refresh_token), (NEW, RT_NEW))
        self.assertEqual(renewed.expires_at, NOW + timedelta(seconds=60))
        self.assertEqual(renewed.document["kept"], {"by": "the tool"})

    def test_renewed_unreadable(self) -> None:
        """Should it hold no login any more, the login stays as it was."""
        store = self.toy({}).store()
        store.put = lambda values, tokens: {}
        login = Login(OLD, RT_OLD, None, {})
        self.assertIs(store.renewed(login, Tokens(NEW)), login)

    def test_place(self) -> None:
        """It is named, saved and hindered as the place is where it is kept."""
        store = self.toy(document()).store()
        self.assertEqual(store.place, str(self.path))
        login = Login(OLD, RT_OLD, None, {"access": NEW})
        self.assertIsNone(self.done(store.obstacle(login)))
        self.done(store.save(login))
        self.assertEqual(self.stored(), {"access": NEW})

    def test_sent_once(self) -> None:
        """No refresh token is sent twice, whatever came of the first time; another one is."""
        toy = self.toy(document(), bought=[None, Tokens(NEW)])
        store = toy.store()
        first, second = Login(OLD, RT_OLD, None, {}), Login(OLD, RT_NEW, None, {})
        self.assertIsNone(self.done(store.exchange(first)))
        self.assertIsNone(self.done(store.exchange(first)))
        self.assertEqual(self.done(store.exchange(second)), Tokens(NEW))
        self.assertEqual(toy.sent, [f"refresh {RT_OLD}", f"refresh {RT_NEW}"])


class AskRenewingTests(RenewingCase):
    """`ask_renewing`."""

    def start(self, toy: Toy, *, strict: bool = False, **more: Any) -> Deferred[str]:
        login = parse(self.stored()) or Login(None, None, None, {})
        work = ask_renewing(
            toy.host, login, toy.store(**more), toy.ask, refused=REFUSED, strict=strict
        )
        return Deferred.fromCoroutine(work)

    def usage(self, toy: Toy, **more: Any) -> str:
        """What is told in the end."""
        return self.successResultOf(self.start(toy, **more))

    def error(self, toy: Toy, **more: Any) -> str:
        """What is said when nothing can be told."""
        return str(self.failureResultOf(self.start(toy, **more), TokenExpiredError).value)

    def test_good(self) -> None:
        """A good login is asked with once, and nothing else happens."""
        for refresh in (True, False):
            toy = self.toy(document(), refresh=refresh, good={OLD})
            self.assertEqual(self.usage(toy), f"usage of {OLD}")
            self.assertEqual((toy.sent, toy.told), ([OLD], [False]))
            self.assertEqual(self.stored(), document())

    def test_due(self) -> None:
        """One that is due is renewed first, and stored with all that was there."""
        toy = self.toy(document(hours=0), bought=[Tokens(NEW, RT_NEW, expires_in=60)], good={NEW})
        self.assertEqual(self.usage(toy), f"usage of {NEW}")
        self.assertEqual((toy.sent, toy.told), ([f"refresh {RT_OLD}", NEW], [True]))
        after = document(NEW, refresh=RT_NEW, expires=NOW.timestamp() + 60)
        self.assertEqual(self.stored(), after)

    def test_due_and_not_allowed(self) -> None:
        """Without permission it is asked with as it is, and nothing is spent or written."""
        toy = self.toy(document(hours=-1), refresh=False, good={OLD})
        self.assertEqual(self.usage(toy), f"usage of {OLD}")
        self.assertEqual((toy.sent, toy.told), ([OLD], [False]))

    def test_due_and_stored_meanwhile(self) -> None:
        """A newer one that the tool stored meanwhile is used instead of spending anything."""
        toy = self.toy(document(OTHER, hours=2), good={OTHER})
        held = parse(document(hours=-1))
        assert held is not None
        work = ask_renewing(toy.host, held, toy.store(), toy.ask, refused=REFUSED)
        self.assertEqual(self.done(work), f"usage of {OTHER}")
        self.assertEqual(toy.sent, [OTHER])

    def test_no_new_token(self) -> None:
        """One that cannot be renewed now is asked with as it is; the token is not sent again."""
        toy = self.toy(document(hours=-1), bought=[None], good={OLD})
        self.assertEqual(self.usage(toy), f"usage of {OLD}")
        toy = self.toy(document(hours=-1), bought=[None])
        self.assertEqual(self.error(toy), REFUSED)
        self.assertEqual(toy.sent, [f"refresh {RT_OLD}", OLD])

    def test_no_refresh_token(self) -> None:
        """Without a refresh token there is nothing to renew with."""
        toy = self.toy(document(hours=-1, refresh=None), good={OLD})
        self.assertEqual(self.usage(toy), f"usage of {OLD}")
        toy = self.toy(document(hours=-1, refresh=None))
        self.assertEqual(self.error(toy), REFUSED)
        self.assertEqual(toy.sent, [OLD])

    def test_refresh_refused(self) -> None:
        """When the refresh token is refused the access token is still tried before that is told."""
        toy = self.toy(document(hours=0.05), bought=[RefusedError(ENDED)], good={OLD})
        self.assertEqual(self.usage(toy), f"usage of {OLD}")
        toy = self.toy(document(hours=-1), bought=[RefusedError(ENDED)])
        self.assertEqual(self.error(toy), ENDED)
        self.assertEqual(toy.sent, [f"refresh {RT_OLD}", OLD])

    def test_refresh_refused_strictly(self) -> None:
        """When it must be known to be good, one that has expired or may have is not sent."""
        for hours, unknown_is_due, asked in (
            (0.05, False, True),
            (0, False, False),
            (-1, False, False),
            (None, True, False),
        ):
            with self.subTest(hours=hours):
                toy = self.toy(document(hours=hours), bought=[RefusedError(ENDED)], good={OLD})
                if asked:
                    self.usage(toy, strict=True, unknown_is_due=unknown_is_due)
                else:
                    message = self.error(toy, strict=True, unknown_is_due=unknown_is_due)
                    self.assertEqual(message, ENDED)
                self.assertEqual(toy.sent, [f"refresh {RT_OLD}", *([OLD] if asked else [])])

    def test_strict_otherwise(self) -> None:
        """Where the refresh token was not refused, being strict changes nothing."""
        toy = self.toy(document(hours=-1), bought=[None], good={OLD})
        self.assertEqual(self.usage(toy, strict=True), f"usage of {OLD}")
        toy = self.toy(document(hours=-1), refresh=False, good={OLD})
        self.assertEqual(self.usage(toy, strict=True), f"usage of {OLD}")

    def test_refused(self) -> None:
        """One that the service refuses is renewed and asked with once more."""
        toy = self.toy(document(), bought=[Tokens(NEW)], good={NEW})
        self.assertEqual(self.usage(toy), f"usage of {NEW}")
        self.assertEqual(toy.sent, [OLD, f"refresh {RT_OLD}", NEW])
        self.assertEqual(toy.told, [False, True])
        self.assertEqual(self.stored(), document(NEW))

    def test_refused_and_not_allowed(self) -> None:
        """Without permission that is the end."""
        toy = self.toy(document(), refresh=False)
        self.assertEqual(self.error(toy), REFUSED)
        self.assertEqual(toy.sent, [OLD])

    def test_refused_and_refresh_refused(self) -> None:
        """When the refresh token is refused too, that is told."""
        toy = self.toy(document(), bought=[RefusedError(ENDED)])
        self.assertEqual(self.error(toy), ENDED)
        self.assertEqual(toy.sent, [OLD, f"refresh {RT_OLD}"])

    def test_refused_and_no_new_token(self) -> None:
        """When the refresh buys nothing, or the same token, it is not sent again."""
        for bought in (None, Tokens(OLD)):
            toy = self.toy(document(), bought=[bought])
            self.assertEqual(self.error(toy), REFUSED)
            self.assertEqual(toy.sent, [OLD, f"refresh {RT_OLD}"])

    def test_refused_twice(self) -> None:
        """A token that was just bought and is refused is the end: another would be refused too."""
        for hours, sent in (
            (1, [OLD, f"refresh {RT_OLD}", NEW]),
            (-1, [f"refresh {RT_OLD}", NEW]),
        ):
            toy = self.toy(document(hours=hours), bought=[Tokens(NEW, RT_NEW)])
            self.assertEqual(self.error(toy), REFUSED)
            self.assertEqual(toy.sent, sent)

    def test_stored_meanwhile(self) -> None:
        """One that the tool stored while the service was asked is used before anything is spent."""
        for refresh in (True, False):
            toy = self.toy(document(), refresh=refresh, good={OTHER})
            toy.meanwhile = lambda: self.keep(document(OTHER, refresh=RT_NEW))
            self.assertEqual(self.usage(toy), f"usage of {OTHER}")
            self.assertEqual(toy.sent, [OLD, OTHER])

    def test_gone_meanwhile(self) -> None:
        """A person who logged out meanwhile is not logged in again."""
        toy = self.toy(document())
        toy.meanwhile = self.path.unlink
        self.assertEqual(self.error(toy), REFUSED)
        self.assertEqual(toy.sent, [OLD])
        self.assertFalse(self.path.exists())

    def test_no_access_token(self) -> None:
        """A refresh token alone is enough where it may be spent."""
        toy = self.toy(document(None), bought=[Tokens(NEW)], good={NEW})
        self.assertEqual(self.usage(toy), f"usage of {NEW}")
        for refresh, bought, message in (
            (False, [], REFUSED),
            (True, [None], REFUSED),
            (True, [RefusedError(ENDED)], ENDED),
        ):
            toy = self.toy(document(None), refresh=refresh, bought=[*bought])
            self.assertEqual(self.error(toy), message)
            self.assertNotIn("None", toy.sent)

    def test_not_saved(self) -> None:
        """A renewed login that cannot be saved is used all the same, which is logged."""
        toy = self.toy(document(hours=0), bought=[Tokens(NEW, RT_NEW)], good={NEW})
        toy.host = evolve(toy.host, files=ReadOnlyFiles(run_inline))
        with capturedLogs() as events:
            self.assertEqual(self.usage(toy), f"usage of {NEW}")
        self.assertIn("could not be saved", eventAsText(events[0]))
        self.assertEqual(self.stored(), document(hours=0))

    def test_cannot_be_saved(self) -> None:
        """Where a renewed login could not be saved none is bought, and a note says so."""
        toy = self.toy(document(hours=0), good={OLD})
        self.patch(os, "access", lambda *_: False)
        self.assertEqual(self.usage(toy), f"usage of {OLD}")
        self.assertEqual(toy.sent, [OLD])
        self.assertEqual(toy.host.visit.notes, ["Login not renewed: its file cannot be replaced."])

    def test_other_trouble(self) -> None:
        """Any other trouble ends it: the login is not to blame."""
        toy = self.toy(document())

        async def ask(login: Login, renewed: bool) -> str:
            raise UnreachableError("Nobody answers.")

        login = parse(document())
        assert login is not None
        work = ask_renewing(toy.host, login, toy.store(), ask, refused=REFUSED)
        self.failureResultOf(Deferred.fromCoroutine(work), UnreachableError)
        self.assertEqual(toy.sent, [])


# --- the token service ----------------------------------------------------------------------------


class FirstAcceptedTests(SynchronousTestCase):
    """`first_accepted`."""

    def setUp(self) -> None:
        self.asked: list[str] = []

    def ask(self, name: str, outcome: Exception | None = None) -> Any:
        async def asking() -> str:
            self.asked.append(name)
            if outcome is not None:
                raise outcome
            return name

        return asking

    def test_next(self) -> None:
        """After a refusal the next one is asked, and no further one."""
        asks = [self.ask("a", TokenExpiredError("A.")), self.ask("b"), self.ask("c")]
        found = self.successResultOf(Deferred.fromCoroutine(first_accepted(asks)))
        self.assertEqual((found, self.asked), ("b", ["a", "b"]))

    def test_all_refused(self) -> None:
        """When all are refused the first refusal is told."""
        asks = [self.ask(name, TokenExpiredError(f"{name}.")) for name in "AB"]
        failure = self.failureResultOf(Deferred.fromCoroutine(first_accepted(asks)))
        self.assertEqual((str(failure.value), self.asked), ("A.", ["A", "B"]))

    def test_trouble(self) -> None:
        """Any other error ends it, whoever is asked."""
        asks = [
            self.ask("a", TokenExpiredError("A.")),
            self.ask("b", UnreachableError("B.")),
            self.ask("c"),
        ]
        self.failureResultOf(Deferred.fromCoroutine(first_accepted(asks)), UnreachableError)
        self.assertEqual(self.asked, ["a", "b"])


class ExchangeTests(Case):
    """`exchange`."""

    def exchange(self, message: Any = ENDED, **more: Any) -> Deferred[dict[str, Any] | None]:
        return Deferred.fromCoroutine(exchange(self.host(), URL, message, **more))

    def refused(self, **more: Any) -> RefusedError:
        error = self.failureResultOf(self.exchange(**more), RefusedError).value
        assert isinstance(error, RefusedError)
        return error

    def test_form(self) -> None:
        """A form goes out encoded, and has fifteen seconds."""
        self.http.reply("POST", URL, 200, {"access_token": NEW})
        found = self.successResultOf(
            self.exchange(form={"a": "b c&d", "e": "ü"}, headers={"Accept": "application/json"})
        )
        self.assertEqual(found, {"access_token": NEW})
        (request,) = self.http.requests
        self.assertEqual(request.body, b"a=b%20c%26d&e=%C3%BC")
        self.assertEqual(parse_qs((request.body or b"").decode()), {"a": ["b c&d"], "e": ["ü"]})
        self.assertEqual(request.headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(request.headers["accept"], "application/json")
        self.assertEqual(request.timeout, 15.0)

    def test_json(self) -> None:
        """So does JSON."""
        self.http.reply("POST", URL, 201, {})
        self.assertEqual(self.successResultOf(self.exchange(json={"a": 1})), {})
        (request,) = self.http.requests
        self.assertEqual(request.json(), {"a": 1})
        self.assertEqual(request.headers["content-type"], "application/json")

    def test_refused(self) -> None:
        """A refusal is for good if it is JSON; anything else may be that of a proxy."""
        for status, body, for_good in (
            (400, {"error": "invalid_grant"}, True),
            (401, {}, True),
            (401, "<html>", False),
            (400, "", False),
            (400, "[]", False),
        ):
            with self.subTest(status=status, body=body):
                self.http.reply("POST", URL, status, body)
                error = self.refused()
                self.assertEqual((str(error), error.for_good), (ENDED, for_good))

    def test_refusals(self) -> None:
        """Which status refuses depends on the service."""
        self.http.reply("POST", URL, 403, {})
        self.assertEqual(str(self.refused(refusals=(401, 403))), ENDED)
        self.http.reply("POST", URL, 400, {})
        with capturedLogs():
            self.assertIsNone(self.successResultOf(self.exchange(refusals=(401, 403))))

    def test_message(self) -> None:
        """What is said may depend on the answer, of which nothing may be known."""

        def message(body: Mapping[str, Any]) -> str:
            return f"Refused: {body.get('error')}."

        self.http.reply("POST", URL, 400, {"error": "reused"})
        self.assertEqual(str(self.refused(message=message)), "Refused: reused.")
        self.http.reply("POST", URL, 400, "<html>")
        self.assertEqual(str(self.refused(message=message)), "Refused: None.")

    def test_nothing(self) -> None:
        """Any other answer gives nothing this time, which is logged without what was said."""
        for status, body in (
            (500, {"access_token": NEW}),
            (429, ""),
            (302, ""),
            (404, {"error": NEW}),
            (200, "not-json"),
            (200, [NEW]),
            (204, ""),
        ):
            with self.subTest(status=status), capturedLogs() as events:
                self.http.reply("POST", URL, status, body)
                self.assertIsNone(self.successResultOf(self.exchange()))
                (event,) = events
                self.assertIn(f"login not renewed: HTTP {status}", eventAsText(event))
                self.assertNotIn(NEW, repr(event))

    def test_no_answer(self) -> None:
        """Neither does silence, or no connection."""
        for error in (UnreachableError("refused"), ProbeTimeoutError("silence")):
            with capturedLogs() as events:
                self.http.fail("POST", URL, error)
                self.assertIsNone(self.successResultOf(self.exchange()))
            self.assertIn(f"login not renewed: {error.code}", eventAsText(events[0]))


class TokensInTests(SynchronousTestCase):
    """`tokens_in`."""

    def test_spellings(self) -> None:
        """The keys may be in snake or camel case."""
        expected = Tokens(NEW, RT_NEW, "id-1", 60.0)
        snake = {"access_token": NEW, "refresh_token": RT_NEW, "id_token": "id-1", "expires_in": 60}
        camel = {"accessToken": NEW, "refreshToken": RT_NEW, "idToken": "id-1", "expiresIn": 60}
        self.assertEqual(tokens_in(snake), expected)
        self.assertEqual(tokens_in(camel), expected)

    def test_access_token_only(self) -> None:
        """What is not named stays as it was."""
        for more in ({}, {"refresh_token": " ", "id_token": None, "expires_in": "60"}):
            self.assertEqual(tokens_in({"access_token": NEW, **more}), Tokens(NEW))

    def test_none(self) -> None:
        """Without an access token that can be sent there are none."""
        bodies: tuple[dict[str, Any] | None, ...] = (
            None,
            {},
            {"refresh_token": RT_NEW},
            {"access_token": ""},
            {"access_token": 5},
            {"access_token": {"token": NEW}},
            {"access_token": "two words"},
            {"access_token": "line\nbreak"},
            {"access_token": "ключ"},
        )
        for body in bodies:
            self.assertIsNone(tokens_in(body), body)

    def test_life(self) -> None:
        """A lifetime is a number of seconds within reason."""
        for seconds, expected in (
            (0, 0.0),
            (-5, 0.0),
            (899.5, 899.5),
            (1e300, LONGEST_LIFE),
            (10**400, None),
            (float("nan"), None),
            (True, None),
            ("60", None),
            (None, None),
        ):
            with self.subTest(seconds=seconds):
                tokens = tokens_in({"access_token": NEW, "expires_in": seconds})
                assert tokens is not None
                self.assertEqual(tokens.expires_in, expected)
        self.assertLess(
            NOW + timedelta(seconds=LONGEST_LIFE), datetime.max.replace(tzinfo=NOW.tzinfo)
        )
