"""Tests for `openusage.host.keychain`."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from unittest import skipIf

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from openusage.host import keychain as module
from openusage.host.env import Env
from openusage.host.keychain import Keychain, KeychainError, SystemKeychain
from openusage.testing import run_inline

T = TypeVar("T")

_: type[Keychain] = SystemKeychain


class Child:
    """A child that does what the test says, in the place of a transport."""

    def __init__(self, protocol: ProcessProtocol, arguments: Sequence[str], env: Any) -> None:
        self.protocol = protocol
        self.arguments = tuple(arguments)
        self.env = env
        self.stdin: bytes | None = None
        self.closed = False
        self.signals: list[str] = []
        self.ended = False
        protocol.makeConnection(cast("Any", self))

    def writeToChild(self, descriptor: int, data: bytes) -> None:
        self.stdin = data

    def closeChildFD(self, descriptor: int) -> None:
        self.closed = descriptor == 0

    def loseConnection(self) -> None:
        self.signals.append("lose")

    def signalProcess(self, name: str) -> None:
        if self.ended:
            raise ProcessExitedAlready
        self.signals.append(name)

    def end(self, output: bytes = b"", code: int | None = 0) -> None:
        """Print `output` and exit with `code`; `None`: by a signal."""
        self.protocol.outReceived(output)
        self.ended = True
        reason = ProcessDone(0) if code == 0 else ProcessTerminated(code, None if code else 9)
        self.protocol.processEnded(Failure(reason))


class Processes(Clock):
    """A reactor that can only start children, which it keeps, and tell the time."""

    def __init__(self) -> None:
        super().__init__()
        self.children: list[Child] = []
        self.error: Exception | None = None

    def spawnProcess(
        self, protocol: ProcessProtocol, executable: str, args: Sequence[str], env: Any
    ) -> None:
        if self.error is not None:
            raise self.error
        self.children.append(Child(protocol, args[1:], env))


class KeychainCase(SynchronousTestCase):
    """A keychain whose tool the test plays."""

    platform = "linux"

    def setUp(self) -> None:
        self.processes = Processes()
        self.granted = Path(self.mktemp()).absolute() / "data" / "keychain.json"
        self.env = Env({"USER": "ada", "HOME": "/home/ada", "PATH": "/bin", "TOKEN": "x"}, "linux")

    def keychain(self, *, interactive: bool = False, tool: str | None = None) -> SystemKeychain:
        return SystemKeychain(
            reactor=cast("IReactorProcess", self.processes),
            run=run_inline,
            env=self.env,
            platform=self.platform,
            granted=self.granted,
            interactive=interactive,
            tool=tool or sys.executable,
            clock=self.processes,
        )

    def start(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(work)

    @property
    def child(self) -> Child:
        return self.processes.children[-1]

    def get(self, output: bytes, code: int | None = 0, **options: bool) -> str | None:
        """What a look-up finds when the tool answers so."""
        looking = self.start(self.keychain().get("svc", "ada", **options))
        self.child.end(output, code)
        return self.successResultOf(looking)


class SecretServiceTests(KeychainCase):
    """`SystemKeychain` on Linux."""

    def test_get(self) -> None:
        """An item is asked for by service and user name; its value is what the tool prints."""
        self.assertEqual(self.get(b"gho_1\n"), "gho_1")

        expected = ("lookup", "service", "svc", "username", "ada")
        self.assertEqual(self.child.arguments, expected)
        self.assertTrue(self.child.closed)

    def test_get_by_service(self) -> None:
        """Without account only the service is asked for, and no dialog is feared."""
        looking = self.start(self.keychain().get("svc", prompts=True))
        self.child.end(b"1")

        self.assertEqual(self.successResultOf(looking), "1")
        self.assertEqual(self.child.arguments, ("lookup", "service", "svc"))

    def test_raw(self) -> None:
        """Nothing but the end of the line is taken off a value."""
        self.assertEqual(self.get(b" go-keyring-base64:Zm8= \r\n"), " go-keyring-base64:Zm8= ")

    def test_no_value(self) -> None:
        """A miss, a failure, a killed tool, blank and what is no text are no value."""
        for output, code in (
            (b"", 1),
            (b"half", 2),
            (b"half", None),
            (b"", 0),
            (b"\n", 0),
            (b"\xff\xfe\n", 0),
        ):
            self.assertIsNone(self.get(output, code), (output, code))

    def test_silence(self) -> None:
        """A tool that waits, for someone to unlock the store, is killed after two seconds."""
        looking = self.start(self.keychain().get("svc"))
        self.processes.advance(1.9)
        self.assertNoResult(looking)

        self.processes.advance(0.2)

        self.assertIsNone(self.successResultOf(looking))
        self.assertEqual(self.child.signals, ["lose", "KILL"])
        self.child.end(b"late", None)
        self.assertEqual(self.processes.getDelayedCalls(), [])

    def test_patience(self) -> None:
        """When a person is there, the tool has ten seconds."""
        looking = self.start(self.keychain(interactive=True).get("svc"))
        self.processes.advance(9.9)
        self.assertNoResult(looking)

        self.child.end(b"gho_1")

        self.assertEqual(self.successResultOf(looking), "gho_1")
        self.assertEqual(self.processes.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """A look-up that is cancelled kills the tool."""
        looking = self.start(self.keychain().get("svc"))

        looking.cancel()

        self.failureResultOf(looking, CancelledError)
        self.assertEqual(self.child.signals, ["lose", "KILL"])
        self.assertEqual(self.processes.getDelayedCalls(), [])

    def test_ends_while_killed(self) -> None:
        """A tool that is gone when it is to be killed is no trouble."""
        looking = self.start(self.keychain().get("svc"))
        self.child.ended = True

        self.processes.advance(2)

        self.assertIsNone(self.successResultOf(looking))

    def test_flood(self) -> None:
        """A tool that prints without end is killed after a MiB."""
        looking = self.start(self.keychain().get("svc"))
        for _count in range(16):
            self.child.protocol.outReceived(b"x" * 2**16)
        self.assertNoResult(looking)

        self.child.protocol.outReceived(b"x")

        self.assertIsNone(self.successResultOf(looking))
        self.assertIn("KILL", self.child.signals)

    def test_no_tool(self) -> None:
        """Without the tool there is nothing to be found, and saving fails."""
        keychain = self.keychain(tool="no-such-tool-here")

        self.assertIsNone(self.successResultOf(self.start(keychain.get("svc"))))
        self.failureResultOf(self.start(keychain.set("svc", "ada", "1")), KeychainError)
        self.assertEqual(self.processes.children, [])

    def test_not_started(self) -> None:
        """A tool that cannot be started finds nothing, and no timer is left."""
        for error in (OSError("no memory"), ValueError("NUL"), TypeError("surrogate")):
            self.processes.error = error
            looking = self.start(self.keychain().get("svc"))

            self.assertIsNone(self.successResultOf(looking))
            self.assertEqual(self.processes.getDelayedCalls(), [])

    def test_environment(self) -> None:
        """The tool is given only the variables that it needs."""
        self.get(b"")

        self.assertEqual(self.child.env, {"USER": "ada", "HOME": "/home/ada", "PATH": "/bin"})

    def test_set(self) -> None:
        """A secret is saved from standard input: no process list shows it."""
        saving = self.start(self.keychain().set("svc", "ada", "s\u00e4cret\n2"))
        self.child.end()

        self.assertIsNone(self.successResultOf(saving))
        expected = ("store", "--label=svc", "service", "svc", "username", "ada")
        self.assertEqual(self.child.arguments, expected)
        self.assertEqual(self.child.stdin, "s\u00e4cret\n2".encode())

    def test_set_refused(self) -> None:
        """A store that refuses is an error that does not hold the secret."""
        saving = self.start(self.keychain().set("svc", None, "hush"))
        self.child.end(b"", 1)

        error = self.failureResultOf(saving, KeychainError)
        self.assertNotIn("hush", error.getErrorMessage())
        self.assertEqual(self.child.arguments[-2:], ("service", "svc"))

    def test_current_user(self) -> None:
        """The person's account is `$USER`, else whom the system names, else a fixed name."""
        self.assertEqual(self.keychain().current_user, "ada")

        self.env = Env({}, "linux")
        self.patch(module, "getpass", SimpleNamespace(getuser=lambda: "grace"))
        self.assertEqual(self.keychain().current_user, "grace")

        def nobody() -> str:
            raise KeyError("uid not found")

        self.patch(module, "getpass", SimpleNamespace(getuser=nobody))
        self.assertEqual(self.keychain().current_user, "openusage-user")


class MacTests(KeychainCase):
    """`SystemKeychain` on macOS."""

    platform = "darwin"

    def set(self, account: str | None, value: str, attributes: bytes = b"", code: int = 0) -> bytes:
        """The command that saves a value when the existing item has `attributes`."""
        saving = self.start(self.keychain().set("svc", account, value))
        if account is None:
            self.child.end(attributes, 0 if attributes else 44)
        self.child.end(b"", code)
        self.successResultOf(saving)
        self.assertEqual(self.child.arguments, ("-i",))
        return self.child.stdin or b""

    def test_get(self) -> None:
        """An item is asked for by service, and by account when there is one."""
        self.assertEqual(self.get(b'{"a": 1}\n'), '{"a": 1}')
        expected = ("find-generic-password", "-a", "ada", "-s", "svc", "-w")
        self.assertEqual(self.child.arguments, expected)

        looking = self.start(self.keychain().get("svc"))
        self.child.end(b"7b7d\n")

        self.assertEqual(self.successResultOf(looking), "7b7d")
        self.assertEqual(self.child.arguments, ("find-generic-password", "-s", "svc", "-w"))

    def test_set(self) -> None:
        """A secret is saved by a command on standard input."""
        self.assertEqual(
            self.set("ada", '{"a": "b c"}'),
            rb'add-generic-password -U -a "ada" -s "svc" -w "{\"a\": \"b c\"}"' + b"\n",
        )

    def test_set_quotes(self) -> None:
        """Backslashes and quotes, in any of the words, are what the tool takes them for."""
        self.assertEqual(
            self.set('a"d', "b\\c"),
            rb'add-generic-password -U -a "a\"d" -s "svc" -w "b\\c"' + b"\n",
        )

    def test_set_line_break(self) -> None:
        """A value with a line break, which would start another command, is refused."""
        for value in ("a\nb", "a\rb", "a\0b"):
            saving = self.start(self.keychain().set("svc", "ada", value))
            self.failureResultOf(saving, KeychainError)
        self.assertEqual(self.processes.children, [])

    def test_set_too_long(self) -> None:
        """A value that the tool would cut in two is refused."""
        saving = self.start(self.keychain().set("svc", "ada", "x" * 4000))

        self.failureResultOf(saving, KeychainError)
        self.assertEqual(self.processes.children, [])
        self.assertIn(b"x" * 3900, self.set("ada", "x" * 3900))

    def test_set_existing(self) -> None:
        """Without account the existing item's is used again."""
        attributes = (
            b'    0x00000007 <blob>="svc"\n    "acct"<blob>="grace h"\n    "svce"<blob>="svc"\n'
        )

        self.assertIn(b'-a "grace h" ', self.set(None, "1", attributes))
        first = self.processes.children[0]
        self.assertEqual(first.arguments, ("find-generic-password", "-s", "svc"))

    def test_set_existing_hex(self) -> None:
        """An account that the tool shows in hex is used as it is meant."""
        attributes = b'    "acct"<blob>=0xC3A4646120  "\\303\\244da"\n'

        self.assertIn('-a "\u00e4da " '.encode(), self.set(None, "1", attributes))

    def test_set_new(self) -> None:
        """Without account and existing item the person's own is used."""
        for attributes in (b"", b'    "acct"<blob>=<NULL>\n'):
            self.assertIn(b'-a "ada" ', self.set(None, "1", attributes))

    def test_set_refused(self) -> None:
        """A keychain that refuses is an error."""
        saving = self.start(self.keychain().set("svc", "ada", "1"))
        self.child.end(b"", 1)

        self.failureResultOf(saving, KeychainError)


class PromptTests(KeychainCase):
    """`SystemKeychain` and other programs' items on macOS."""

    platform = "darwin"

    def look(self, *, interactive: bool, code: int | None = 0, service: str = "svc") -> str | None:
        """A look-up that may show a dialog; `None` when it was refused or found nothing."""
        before = len(self.processes.children)
        keychain = self.keychain(interactive=interactive)
        looking = self.start(keychain.get(service, prompts=True))
        if len(self.processes.children) > before:
            self.child.end(b"1", code)
        return self.successResultOf(looking)

    def test_background(self) -> None:
        """With nobody there another program's item is left alone."""
        self.assertIsNone(self.look(interactive=False))
        self.assertEqual(self.processes.children, [])

    def test_own_item(self) -> None:
        """An item that needs no dialog is read all the same."""
        self.assertEqual(self.get(b"1"), "1")
        self.assertFalse(self.granted.exists())

    def test_allowed(self) -> None:
        """Once a person has allowed it, that service is read with nobody there, and no other."""
        self.assertEqual(self.look(interactive=True), "1")

        self.assertEqual(self.look(interactive=False), "1")
        self.assertIsNone(self.look(interactive=False, service="other"))
        self.assertEqual(json.loads(self.granted.read_bytes()), {"version": 1, "services": ["svc"]})

    def test_refused(self) -> None:
        """A dialog that was refused or not answered is not shown again with nobody there."""
        for code in (128, 36, None):
            self.look(interactive=True)
            self.assertIsNone(self.look(interactive=False, code=code))

            started = len(self.processes.children)
            self.assertIsNone(self.look(interactive=False))

            self.assertEqual(len(self.processes.children), started)

    def test_unanswered(self) -> None:
        """A dialog that ends with the tool being killed counts as refused."""
        self.look(interactive=True)
        looking = self.start(self.keychain().get("svc", prompts=True))
        self.processes.advance(2)
        self.assertIsNone(self.successResultOf(looking))

        started = len(self.processes.children)
        self.assertIsNone(self.look(interactive=False))

        self.assertEqual(len(self.processes.children), started)

    def test_item_gone(self) -> None:
        """A missing item shows no dialog, so the permission stays."""
        self.look(interactive=True)
        self.assertIsNone(self.look(interactive=False, code=44))

        self.assertEqual(self.look(interactive=False), "1")

    def test_damaged(self) -> None:
        """A damaged list of permissions is an empty one, with a warning, until written anew."""
        self.granted.parent.mkdir(parents=True)
        for content in ("", "[]", "null", '{"services": 5}', "[" * 100_000):
            self.granted.write_text(content)
            with capturedLogs() as events:
                self.assertIsNone(self.look(interactive=False), content)
            self.assertEqual(len(events), 1, content)

        with capturedLogs():
            self.assertEqual(self.look(interactive=True), "1")
        self.assertEqual(self.look(interactive=False), "1")

    def test_not_written(self) -> None:
        """A permission that cannot be written is logged, without folder, and the value is had."""
        self.granted.parent.parent.mkdir(parents=True)
        self.granted.parent.write_bytes(b"")

        with capturedLogs() as events:
            self.assertEqual(self.look(interactive=True), "1")

        self.assertIn("keychain.json", str([event["file"] for event in events]))
        self.assertNotIn(str(self.granted.parent), str(events))


class WindowsTests(KeychainCase):
    """`SystemKeychain` on Windows."""

    platform = "win32"

    def setUp(self) -> None:
        super().setUp()
        self.items: dict[tuple[str, str | None], str] = {}
        self.trouble: Exception | None = None
        keyring = SimpleNamespace(
            get_credential=self._credential,
            set_password=lambda service, account, value: self._save((service, account), value),
        )
        self.patch(module, "importlib", SimpleNamespace(import_module=lambda name: keyring))

    def _credential(self, service: str, account: str | None) -> object:
        if self.trouble:
            raise self.trouble
        value = self.items.get((service, account))
        return None if value is None else SimpleNamespace(password=value)

    def _save(self, key: tuple[str, str], value: str) -> None:
        if self.trouble:
            raise self.trouble
        self.items[key] = value

    def look(self, account: str | None = "ada") -> str | None:
        return self.successResultOf(self.start(self.keychain().get("svc", account, prompts=True)))

    def test_get(self) -> None:
        """An item is found by service and account, and under the name that Go programs give it."""
        self.assertIsNone(self.look())
        self.items["svc:ada", "ada"] = "go"
        self.assertEqual(self.look(), "go")
        self.items["svc", "ada"] = "plain"
        self.assertEqual(self.look(), "plain")
        self.items["svc", None] = "any"
        self.assertEqual(self.look(None), "any")

    def test_other_encoding(self) -> None:
        """ASCII that was taken for UTF-16 is put right; other text stays as it is."""
        for value in ("gho_12", "\u4e2d\u6587", "p\u00e4ss"):
            misread = value.encode().decode("utf-16-le") if value.isascii() else value
            self.items["svc", "ada"] = misread
            self.assertEqual(self.look(), value)

    def test_trouble(self) -> None:
        """Trouble with the store finds nothing, and is logged by its kind only."""
        self.trouble = RuntimeError("hush")

        with capturedLogs() as events:
            self.assertIsNone(self.look())

        self.assertEqual([event["error"] for event in events], ["RuntimeError"])

    def test_set(self) -> None:
        """A value is saved under the account, or the person's own; trouble is an error."""
        for account in ("grace", None):
            self.successResultOf(self.start(self.keychain().set("svc", account, "1")))
        self.assertEqual(self.items, {("svc", "grace"): "1", ("svc", "ada"): "1"})

        self.trouble = RuntimeError("hush")
        saving = self.start(self.keychain().set("svc", None, "2"))
        error = self.failureResultOf(saving, KeychainError)
        self.assertEqual(error.getErrorMessage(), "keyring: RuntimeError")


@skipIf(os.name == "nt", "needs executable scripts")
class RealChildTests(TestCase):
    """The same with real children, of a tool that is a small script."""

    def keychain(self, script: str, seconds: float = 60.0) -> SystemKeychain:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        tool = self.folder / "tool"
        tool.write_text(f"#!{sys.executable} -I\n{textwrap.dedent(script)}")
        tool.chmod(0o755)
        return SystemKeychain(
            reactor=cast("IReactorProcess", reactor),
            run=run_inline,
            env=Env(os.environ, sys.platform),
            platform="linux",
            granted=self.folder / "granted.json",
            seconds=seconds,
            tool=str(tool),
        )

    def get(self, script: str, seconds: float = 60.0) -> Deferred[str | None]:
        keychain = self.keychain(script, seconds)
        return Deferred.fromCoroutine(keychain.get("svc", "a da"))

    async def test_value(self) -> None:
        """The tool's arguments arrive as they are, its output is the value, its errors are not."""
        found = await self.get(
            """
            import sys
            print("noise" * 100_000, file=sys.stderr)
            print(sys.argv[1:], sys.stdin.read())
            """
        )

        self.assertEqual(found, "['lookup', 'service', 'svc', 'username', 'a da'] ")

    async def test_failure(self) -> None:
        """A tool that fails has no value."""
        self.assertIsNone(await self.get("print('half'); raise SystemExit(1)"))

    async def test_flood(self) -> None:
        """A tool that prints without end is stopped."""
        script = "while True: print('x' * 2**16)"

        self.assertIsNone(await self.get(script))

    async def test_hang(self) -> None:
        """A tool that hangs and will not be asked to stop is gone soon after the time is up."""
        began = time.monotonic()
        script = """
            import os, pathlib, signal, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
            """
        pids: list[int] = []
        keychain = self.keychain(script, 0.3)
        spawn = keychain.reactor.spawnProcess

        def spying(*args: Any) -> Any:
            process = spawn(*args)
            pids.append(cast("Any", process).pid)
            return process

        self.patch(keychain.reactor, "spawnProcess", spying)

        self.assertIsNone(await Deferred.fromCoroutine(keychain.get("svc")))

        self.assertLess(time.monotonic() - began, 30)
        await self.gone(pids[0])

    async def gone(self, pid: int) -> None:
        """Wait until the child is no more; the test's own limit is the bound."""
        while True:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            pause: Deferred[None] = Deferred()
            cast("Any", reactor).callLater(0.01, pause.callback, None)
            await pause

    async def test_save(self) -> None:
        """A large secret reaches the tool whole and unchanged."""
        keychain = self.keychain(
            """
            import pathlib, sys
            pathlib.Path(sys.argv[0]).with_name("saved").write_bytes(sys.stdin.buffer.read())
            """
        )
        secret = "s\u00e4cret" * 50_000

        await Deferred.fromCoroutine(keychain.set("svc", "ada", secret))

        self.assertEqual((self.folder / "saved").read_text(encoding="utf-8"), secret)

    async def test_deaf(self) -> None:
        """A tool that ends without reading the secret is an error, not a crash."""
        keychain = self.keychain("import os; os.close(0)\nraise SystemExit(3)")

        with self.assertRaises(KeychainError):
            await Deferred.fromCoroutine(keychain.set("svc", "ada", "x" * 2**20))

    async def test_damaged_tool(self) -> None:
        """A file that the system cannot run finds nothing."""
        keychain = self.keychain("")
        (self.folder / "tool").write_bytes(b"\x00\x01\x02")

        self.assertIsNone(await Deferred.fromCoroutine(keychain.get("svc")))
