"""Tests for `openusage.host.oauth`."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.host.files import Files
from openusage.host.keychain import KeychainError
from openusage.host.oauth import (
    LoginStore,
    RefusedError,
    Tokens,
    file_obstacle,
    item_obstacle,
    renew,
)
from openusage.model import ProbeError, TokenExpiredError
from openusage.testing import MemoryState, fake_host, run_inline


@frozen
class ToyLogin:
    """A login as the toy tool stores it."""

    document: dict[str, Any]


def toy(access: str, refresh: str | None, **more: object) -> ToyLogin:
    return ToyLogin({"access": access, "refresh": refresh, **more})


def nothing() -> None:
    """What happens between request and answer unless a test says otherwise."""


@define
class ToyStore:
    """A tool that keeps its login in a JSON file; `answers` are what its service says in turn."""

    host: Host
    path: Path
    answers: list[Tokens | Exception | Deferred[Tokens] | None] = field(factory=list)
    sent: list[str | None] = field(factory=list)
    meanwhile: Callable[[], None] = nothing
    trouble: Exception | None = None
    in_the_way: str | None = None
    saves: int = 0

    @property
    def place(self) -> str:
        return str(self.path)

    async def reload(self) -> ToyLogin | None:
        try:
            return ToyLogin(json.loads(await self.host.files.read(self.path)))
        except (OSError, ValueError):
            return None

    def tokens(self, login: ToyLogin) -> Tokens:
        return Tokens(login.document["access"], login.document["refresh"])

    def due(self, login: ToyLogin) -> bool:
        return bool(login.document.get("due"))

    async def obstacle(self, login: ToyLogin) -> str | None:
        return self.in_the_way

    async def exchange(self, login: ToyLogin) -> Tokens | None:
        self.sent.append(login.document["refresh"])
        answer = self.answers.pop(0)
        self.meanwhile()
        if isinstance(answer, Exception):
            raise answer
        return await answer if isinstance(answer, Deferred) else answer

    def renewed(self, login: ToyLogin, tokens: Tokens) -> ToyLogin:
        changed = {"access": tokens.access_token}
        if tokens.refresh_token:
            changed["refresh"] = tokens.refresh_token
        return ToyLogin({**login.document, **changed})

    async def save(self, login: ToyLogin) -> None:
        self.saves += 1
        if self.trouble is not None:
            raise self.trouble
        await self.host.files.write(self.path, json.dumps(login.document).encode())


_: type[LoginStore[ToyLogin]] = ToyStore


class ImpatientFiles(Files):
    """Files that wait for no lock."""

    def lock(self, path: Path, timeout: float = 10.0) -> AbstractAsyncContextManager[None]:
        return super().lock(path, 0.0)


class RenewTests(SynchronousTestCase):
    """`renew`."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.path = self.home / "login.json"
        self.state = MemoryState()
        self.held = toy("at-1", "rt-1")
        self.keep(self.held)

    def keep(self, login: ToyLogin) -> None:
        self.path.write_text(json.dumps(login.document))

    def stored(self) -> object:
        return json.loads(self.path.read_text())

    def store(self, *answers: Tokens | Exception | Deferred[Tokens] | None) -> ToyStore:
        host = fake_host(self.home, state=self.state, refresh_credentials=True)
        host.identify("ada")
        return ToyStore(host, self.path, list(answers))

    def renew(self, store: ToyStore) -> ToyLogin | None:
        return self.successResultOf(self.start(store))

    def start(self, store: ToyStore) -> Deferred[ToyLogin | None]:
        work = renew(store.host, self.held, store)
        return Deferred.fromCoroutine(work)

    def error(self, store: ToyStore) -> TokenExpiredError:
        failure = self.failureResultOf(self.start(store), TokenExpiredError)
        assert isinstance(failure.value, TokenExpiredError)
        return failure.value

    @contextmanager
    def warned(self, text: str) -> Iterator[None]:
        """Within, exactly one event is logged; it has `text` in its format and no token."""
        with capturedLogs() as events:
            yield
        (event,) = events
        self.assertIn(text, event["log_format"])
        self.assertNotIn("rt-", str(event))
        self.assertNotIn("at-", str(event))

    def test_not_allowed(self) -> None:
        """Without permission nothing is read, sent or written."""
        store = self.store()
        store.host = evolve(store.host, refresh_credentials=False)

        self.assertIsNone(self.renew(store))
        self.assertEqual((store.sent, store.saves), ([], 0))

    def test_refresh(self) -> None:
        """The stored refresh token is spent and the outcome saved, unknown keys and all."""
        self.keep(toy("at-1", "rt-1", novel={"a": [1]}))
        store = self.store(Tokens("at-2", "rt-2"))

        renewed = self.renew(store)

        self.assertEqual(renewed, toy("at-2", "rt-2", novel={"a": [1]}))
        self.assertEqual(self.stored(), {"access": "at-2", "refresh": "rt-2", "novel": {"a": [1]}})
        self.assertEqual((store.sent, store.saves), (["rt-1"], 1))

    def test_mode(self) -> None:
        """The file keeps its mode."""
        if os.name == "nt":
            return
        self.path.chmod(0o640)

        self.renew(self.store(Tokens("at-2")))

        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_same_refresh_token(self) -> None:
        """A service that sends no refresh token leaves the old one good."""
        self.assertEqual(self.renew(self.store(Tokens("at-2"))), toy("at-2", "rt-1"))

    def test_renewed_by_tool(self) -> None:
        """A login that the tool renewed meanwhile is used, and nothing is sent."""
        self.keep(toy("at-tool", "rt-tool"))
        store = self.store()

        self.assertEqual(self.renew(store), toy("at-tool", "rt-tool"))
        self.assertEqual((store.sent, store.saves), ([], 0))

    def test_renewed_but_due(self) -> None:
        """A changed login that itself is about to expire is renewed, with its own token."""
        self.keep(toy("at-tool", "rt-tool", due=True))
        store = self.store(Tokens("at-3", "rt-3"))

        self.assertEqual(self.renew(store), toy("at-3", "rt-3", due=True))
        self.assertEqual(store.sent, ["rt-tool"])

    def test_gone(self) -> None:
        """A login that is gone, since the person logged out, is not renewed."""
        self.path.unlink()
        store = self.store()

        self.assertIsNone(self.renew(store))
        self.assertEqual(store.sent, [])

    def test_no_refresh_token(self) -> None:
        """Without a refresh token nothing is sent."""
        self.held = toy("at-1", None)
        self.keep(self.held)
        store = self.store()

        self.assertIsNone(self.renew(store))
        self.assertEqual(store.sent, [])

    def test_no_answer(self) -> None:
        """Without an answer nothing is saved, and the token may be tried again."""
        store = self.store(None, Tokens("at-2"))

        self.assertIsNone(self.renew(store))
        self.assertEqual(store.saves, 0)
        self.assertEqual(self.renew(store), toy("at-2", "rt-1"))

    def test_refused(self) -> None:
        """A refused token is not sent again, by the next run of openusage neither."""
        first = self.error(self.store(RefusedError("Log in again.")))
        self.assertEqual(str(first), "Log in again.")

        later = self.store()
        self.assertEqual(str(self.error(later)), "Log in again.")
        self.assertEqual((later.sent, later.saves), ([], 0))

    def test_refused_until_changed(self) -> None:
        """Once the stored token is another one it is sent."""
        self.error(self.store(RefusedError("Log in again.")))
        self.held = toy("at-1", "rt-2")
        self.keep(self.held)

        self.assertEqual(self.renew(self.store(Tokens("at-2"))), toy("at-2", "rt-2"))

    def test_refused_state(self) -> None:
        """What is remembered of a refused token is a digest, beside what the provider keeps."""
        store = self.store(RefusedError("Log in again."))
        self.successResultOf(Deferred.fromCoroutine(store.host.state.write({"lastFetch": 5})))

        self.error(store)

        kept = self.successResultOf(Deferred.fromCoroutine(store.host.state.read()))
        self.assertEqual(kept["lastFetch"], 5)
        self.assertNotIn("rt-1", json.dumps(kept))

    def test_refused_by_somebody(self) -> None:
        """A refusal that may not be the service's own is no reason not to try again."""
        self.error(self.store(RefusedError("Token expired.", for_good=False)))

        self.assertEqual(self.renew(self.store(Tokens("at-2"))), toy("at-2", "rt-1"))

    def test_obstacle(self) -> None:
        """Nothing is spent when the outcome could not be saved, and health tells why."""
        store = self.store()
        store.in_the_way = "its file is carved in stone"

        self.assertIsNone(self.renew(store))

        self.assertEqual(store.sent, [])
        self.assertEqual(
            store.host.visit.notes, ["Login not renewed: its file is carved in stone."]
        )

    def test_other_error(self) -> None:
        """An error that does not condemn the token ends the probe and is not remembered."""
        store = self.store(TokenExpiredError("Odd."), Tokens("at-2"))

        self.assertEqual(str(self.error(store)), "Odd.")
        self.assertEqual(self.renew(store), toy("at-2", "rt-1"))

    def test_save_fails(self) -> None:
        """When the login cannot be saved that is logged, and the new token used all the same."""
        for trouble in (OSError(errno.ENOSPC, "full"), KeychainError("locked")):
            store = self.store(Tokens("at-2", "rt-2"))
            store.trouble = trouble
            with self.warned("could not be saved"):
                self.assertEqual(self.renew(store), toy("at-2", "rt-2"))
            self.assertEqual(store.saves, 1)

    def test_changed_during_request(self) -> None:
        """A login that came while the request was under way is not written over."""
        store = self.store(Tokens("at-2", "rt-2"))
        store.meanwhile = lambda: self.keep(toy("at-new", "rt-new"))

        with self.warned("changed during refresh"):
            self.assertEqual(self.renew(store), toy("at-2", "rt-2"))

        self.assertEqual(self.stored(), {"access": "at-new", "refresh": "rt-new"})

    def test_logged_out_during_request(self) -> None:
        """A login that went while the request was under way does not come back."""
        store = self.store(Tokens("at-2", "rt-2"))
        store.meanwhile = self.path.unlink

        with self.warned("changed during refresh"):
            self.renew(store)

        self.assertFalse(self.path.exists())

    def test_other_keys_during_request(self) -> None:
        """What the tool wrote beside its tokens while the request was under way is kept."""
        store = self.store(Tokens("at-2", "rt-2"))
        store.meanwhile = lambda: self.keep(toy("at-1", "rt-1", novel=1))

        self.renew(store)

        self.assertEqual(self.stored(), {"access": "at-2", "refresh": "rt-2", "novel": 1})

    def test_cancelled(self) -> None:
        """A probe that is cancelled in the middle does not lose the token it paid for."""
        answer: Deferred[Tokens] = Deferred()
        store = self.store(answer)
        probe = self.start(store)

        probe.cancel()
        self.assertNoResult(probe)
        self.assertEqual(store.saves, 0)
        answer.callback(Tokens("at-2", "rt-2"))

        self.assertEqual(self.stored(), {"access": "at-2", "refresh": "rt-2"})
        self.failureResultOf(probe, CancelledError)

    def test_cancelled_twice(self) -> None:
        """A probe that is cancelled again does not wait; the work goes on all the same."""
        answer: Deferred[Tokens] = Deferred()
        probe = self.start(self.store(answer))

        probe.cancel()
        probe.cancel()
        self.failureResultOf(probe, CancelledError)
        answer.callback(Tokens("at-2", "rt-2"))

        self.assertEqual(self.stored(), {"access": "at-2", "refresh": "rt-2"})

    def test_one_at_a_time(self) -> None:
        """While one refresh is under way another one waits, then finds the login renewed."""
        answer: Deferred[Tokens] = Deferred()
        first = self.start(self.store(answer))
        second_store = self.store()
        second_store.host = evolve(second_store.host, files=ImpatientFiles(run_inline))

        with self.warned("login not renewed"):
            self.assertIsNone(self.renew(second_store))
        self.assertEqual(second_store.sent, [])

        answer.callback(Tokens("at-2", "rt-2"))
        self.assertEqual(self.successResultOf(first), toy("at-2", "rt-2"))
        self.assertEqual(self.renew(second_store), toy("at-2", "rt-2"))
        self.assertEqual(second_store.sent, [])

    def test_lock_place(self) -> None:
        """The lock lies in our own folder, and the tool's holds nothing but its login."""
        self.path = self.home / "tool" / "login.json"
        self.path.parent.mkdir()
        self.keep(self.held)

        self.renew(self.store(Tokens("at-2")))

        self.assertEqual(list(self.path.parent.iterdir()), [self.path])

    def test_no_lock(self) -> None:
        """Where no lock can be made nothing is spent."""
        (self.home / ".openusage").write_text("in the way")
        store = self.store()

        with self.warned("login not renewed"):
            self.assertIsNone(self.renew(store))

        self.assertEqual(store.sent, [])


class ObstacleTests(SynchronousTestCase):
    """`file_obstacle` and `item_obstacle`."""

    def file(self, path: Path) -> str | None:
        host = fake_host(Path("/"))
        return self.successResultOf(Deferred.fromCoroutine(file_obstacle(host, path)))

    def test_file(self) -> None:
        """A file can be replaced where its folder takes another one."""
        path = Path(self.mktemp()).absolute()
        path.write_text("")
        self.assertIsNone(self.file(path))

        self.patch(os, "access", lambda folder, mode: Path(folder) != path.parent)
        self.assertEqual(self.file(path), "its file cannot be replaced")

    def test_link(self) -> None:
        """Of a link the file that it leads to is meant."""
        home = Path(self.mktemp()).absolute()
        (home / "real").mkdir(parents=True)
        (home / "real" / "file").write_text("")
        (home / "link").symlink_to(home / "real" / "file")

        self.patch(os, "access", lambda folder, mode: Path(folder).name != "real")
        self.assertEqual(self.file(home / "link"), "its file cannot be replaced")

    def test_mounted(self) -> None:
        """A file that is mounted by itself, as containers have it, cannot be replaced."""
        path = Path(self.mktemp()).absolute()
        path.write_text("")
        self.patch(os.path, "ismount", lambda at: Path(at) == path)
        self.assertEqual(self.file(path), "its file cannot be replaced")

    def test_item(self) -> None:
        """Keychains other than Linux's have a limit, of which escaped quotes take a share."""
        for platform, value, fits in (
            ("darwin", "x" * 3500, True),
            ("darwin", "x" * 3600, False),
            ("darwin", '"' * 1900, False),
            ("win32", "x" * 1100, True),
            ("win32", "x" * 1200, False),
            ("linux", "x" * 100_000, True),
        ):
            with self.subTest(platform=platform, length=len(value)):
                self.assertEqual(item_obstacle(platform, value) is None, fits)


class TokensTests(SynchronousTestCase):
    """`Tokens`."""

    def test_repr(self) -> None:
        """No token shows in the representation."""
        self.assertNotIn("planted", repr(Tokens("planted-a", "planted-r", "planted-i", 5)))


class RefusedErrorTests(SynchronousTestCase):
    """`RefusedError`."""

    def test_family(self) -> None:
        """For everybody else it is a token that expired."""
        self.assertIsInstance(RefusedError("Gone."), ProbeError)
        self.assertEqual(RefusedError("Gone.").code, "token_expired")
