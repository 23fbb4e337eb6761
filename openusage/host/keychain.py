"""The system's store of secrets: macOS keychain, Secret Service, Windows Credential Manager.

macOS and the Secret Service are asked through the tools that come with them, in children that are
killed when they wait for a dialog that nobody answers.
"""

from __future__ import annotations

import getpass
import importlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from openusage.host.blocking import Blocking
from openusage.host.env import Env
from openusage.host.files import Files
from openusage.log import logger

__all__ = ["Keychain", "KeychainError", "SystemKeychain"]

_log = logger()

MAX_OUTPUT = 2**20

_SECURITY = "/usr/bin/security"
_SECRET_TOOL = "secret-tool"  # noqa: S105 (the name of a program)
# How `security` ends when there is no such item; no dialog was shown then.
_NOT_FOUND = 44
_NO_ANSWER = -1
# `security -i` reads a command into 4096 bytes, runs what fits and takes the rest for another one
# (github.com/zalando/go-keyring issue 84, seen 2026-11): half a secret would be saved.
_LONGEST_COMMAND = 4000
# `"acct"<blob>="ada"`, or `"acct"<blob>=0xC3A4  "\303\244"` when it is not ASCII.
_ACCOUNT = re.compile(rb'^\s*"acct"<blob>=(?:"(.*)"|0x([0-9A-Fa-f]+)\b.*)$', re.MULTILINE)
# No DISPLAY: without a session bus libsecret would start one of its own there.
_CHILD_ENV = ("DBUS_SESSION_BUS_ADDRESS", "HOME", "LOGNAME", "PATH", "USER", "XDG_RUNTIME_DIR")


class KeychainError(Exception):
    """A secret that could not be saved, in words that hold nothing of it."""


class Keychain(Protocol):
    """Secrets by service and account."""

    async def get(
        self, service: str, account: str | None = None, *, prompts: bool = False
    ) -> str | None:
        """The secret as it is stored; `None` when there is none, and on any trouble.

        Without `account` the first item of the service will do. `prompts` says that the item
        belongs to another program, so that reading it may show a dialog.
        """

    async def set(self, service: str, account: str | None, value: str) -> None:
        """Save a secret, without `account` under the existing item's. Raises `KeychainError`."""

    @property
    def current_user(self) -> str:
        """The account name that tools use for the person."""


@frozen
class SystemKeychain:
    """The `Keychain` of this machine.

    `interactive`: a person is there to answer a dialog. Otherwise, on macOS, another program's item
    is left alone until a person has once allowed it; the file `granted` remembers the services.
    `seconds` is how long a look-up may take, by default 2 or, when interactive, 10. `tool` is a
    program to run instead of the system's own.
    """

    reactor: IReactorProcess
    run: Blocking
    env: Env
    platform: str
    granted: Path
    interactive: bool = False
    seconds: float | None = None
    tool: str | None = None
    clock: IReactorTime | None = None

    @property
    def current_user(self) -> str:
        """`$USER`, else whom the system says we run as."""
        if user := self.env.get("USER"):
            return user
        try:
            return getpass.getuser()
        except (ImportError, KeyError, OSError):
            return "openusage-user"

    async def get(
        self, service: str, account: str | None = None, *, prompts: bool = False
    ) -> str | None:
        """See `Keychain.get`."""
        if self.platform == "win32":
            return await self.run(_read_vault, service, account)
        if self.platform != "darwin":
            return (await self._tool(_lookup(service, account))).text()
        if not prompts:
            return (await self._tool(_find(service, account))).text()
        return await self._get_guarded(service, account)

    async def set(self, service: str, account: str | None, value: str) -> None:
        """See `Keychain.set`."""
        if self.platform == "win32":
            await self.run(_write_vault, service, account or self.current_user, value)
            return
        if self.platform == "darwin":
            account = account or await self._owner(service) or self.current_user
            answer = await self._tool(("-i",), _add_command(service, account, value))
        else:
            answer = await self._tool(_store(service, account), value.encode())
        if answer.code != 0:
            raise KeychainError("the keychain did not take the value")

    async def _get_guarded(self, service: str, account: str | None) -> str | None:
        allowed = await self._allowed()
        if not self.interactive and service not in allowed:
            return None
        answer = await self._tool(_find(service, account))
        if answer.code == 0:
            await self._remember(allowed | {service}, allowed)
        elif answer.code != _NOT_FOUND:  # refused or unanswered: do not show it again and again
            await self._remember(allowed - {service}, allowed)
        return answer.text()

    async def _owner(self, service: str) -> str | None:
        """The account of the item that exists."""
        match = _ACCOUNT.search((await self._tool(_find(service, None)[:-1])).output)
        if match is None:
            return None
        name = match[1] if match[1] is not None else bytes.fromhex(match[2].decode())
        return name.decode("utf-8", "replace")

    async def _allowed(self) -> frozenset[str]:
        try:
            services = json.loads(await Files(self.run).read(self.granted))["services"]
            return frozenset(service for service in services if isinstance(service, str))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            _log.warn(
                "{file} is not readable ({error}): keychain items have to be allowed again",
                file=self.granted.name,
                error=type(error).__name__,
            )
            return frozenset()

    async def _remember(self, services: frozenset[str], before: frozenset[str]) -> None:
        if services == before:
            return
        data = json.dumps({"version": 1, "services": sorted(services)}).encode()
        try:
            await Files(self.run).write(self.granted, data)
        except OSError as error:
            _log.warn(
                "{file} cannot be written: {reason}",
                file=self.granted.name,
                reason=error.strerror,
            )

    async def _tool(self, arguments: Sequence[str], stdin: bytes = b"") -> _Answer:
        """What the system's tool says; it is killed when it takes too long or we are cancelled."""
        name = self.tool or (_SECURITY if self.platform == "darwin" else _SECRET_TOOL)
        program = await self.run(shutil.which, name, path=self.env.variables.get("PATH"))
        if program is None:
            return _Answer(_NO_ANSWER)
        child = _Child(stdin)
        child.done.addTimeout(
            self.seconds or (10.0 if self.interactive else 2.0),
            self.clock or IReactorTime(self.reactor),
        )
        env = {name: value for name in _CHILD_ENV if (value := self.env.variables.get(name))}
        try:
            self.reactor.spawnProcess(child, program, (name, *arguments), env)
        except (OSError, TypeError, ValueError):  # the last two: a name with NUL or lone surrogates
            child.done.callback(_Answer(_NO_ANSWER))
        try:
            return await child.done
        except DeferredTimeoutError:
            return _Answer(_NO_ANSWER)


# --- the tools' arguments -------------------------------------------------------------------------


def _find(service: str, account: str | None) -> tuple[str, ...]:
    by_account = () if account is None else ("-a", account)
    return ("find-generic-password", *by_account, "-s", service, "-w")


def _add_command(service: str, account: str, value: str) -> bytes:
    """The line that makes `security -i` save a secret: as an argument every user could read it."""
    words = ("-U", "-a", _quoted(account), "-s", _quoted(service), "-w", _quoted(value))
    command = f"add-generic-password {' '.join(words)}\n".encode()
    if len(command) > _LONGEST_COMMAND:
        raise KeychainError("the value is too long to be saved safely")
    return command


def _quoted(word: str) -> str:
    if any(end in word for end in "\r\n\0"):
        raise KeychainError("a value with line breaks cannot be saved")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _lookup(service: str, account: str | None) -> tuple[str, ...]:
    return ("lookup", *_attributes(service, account))


def _store(service: str, account: str | None) -> tuple[str, ...]:
    return ("store", f"--label={service}", *_attributes(service, account))


def _attributes(service: str, account: str | None) -> tuple[str, ...]:
    by_account = () if account is None else ("username", account)
    return ("service", service, *by_account)


# --- a child --------------------------------------------------------------------------------------


@frozen
class _Answer:
    code: int
    output: bytes = b""

    def text(self) -> str | None:
        """What was printed, without the end of the line; `None` for nothing and after a failure."""
        if self.code != 0:
            return None
        try:
            return self.output.decode().rstrip("\r\n") or None
        except UnicodeDecodeError:
            return None


class _Child(ProcessProtocol):
    """Gives a child its input and collects what it prints; cancelling `done` kills it."""

    def __init__(self, stdin: bytes) -> None:
        self.done: Deferred[_Answer] = Deferred(lambda _: self._kill())
        self._stdin = stdin
        self._output = bytearray()

    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.writeToChild(0, self._stdin)
            self.transport.closeChildFD(0)

    def outReceived(self, data: bytes) -> None:
        self._output += data
        if len(self._output) > MAX_OUTPUT:
            self._kill()
            self._finish(_NO_ANSWER)

    def processEnded(self, reason: Failure) -> None:
        code = getattr(reason.value, "exitCode", None)
        self._finish(_NO_ANSWER if code is None else code)  # `None`: ended by a signal

    def _finish(self, code: int) -> None:
        if not self.done.called:
            self.done.callback(_Answer(code, bytes(self._output)))

    def _kill(self) -> None:
        if self.transport is None:
            return
        # A grandchild that holds the pipes open must not keep us.
        self.transport.loseConnection()
        try:
            self.transport.signalProcess("KILL")
        except ProcessExitedAlready:
            return


# --- Windows --------------------------------------------------------------------------------------


def _read_vault(service: str, account: str | None) -> str | None:
    keyring = importlib.import_module("keyring")
    for target in (service, f"{service}:{account}"):  # the second as Go programs name it
        try:
            found = keyring.get_credential(target, account)
        except Exception as error:  # noqa: BLE001 (each backend has errors of its own)
            _log.warn("keyring: {error}", error=type(error).__name__)
            return None
        if found is not None and found.password:
            return _straight(found.password)
    return None


def _write_vault(service: str, account: str, value: str) -> None:
    keyring = importlib.import_module("keyring")
    try:
        keyring.set_password(service, account, value)
    except Exception as error:  # noqa: BLE001 (see above)
        raise KeychainError(f"keyring: {type(error).__name__}") from None


def _straight(value: str) -> str:
    """`value` as it was saved: `keyring` takes the ASCII of other programs for UTF-16."""
    data = value.encode("utf-16-le", "surrogatepass")
    if data.isascii() and 0 not in data:
        return data.decode("ascii")
    return value
