"""The OAuth client, from the environment or out of an installed Antigravity."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.providers.antigravity import client
from openusage.providers.antigravity.client import CLIENT_ID, find_client
from openusage.providers.googleclient import Client
from openusage.testing import fake_host

MARKER = b"vs/platform/cloudCode/common/oauthClient.js"
ID = "681255809395-planted0planted.apps.googleusercontent.com"
OTHER_ID = "77185425430-planted.apps.googleusercontent.com"
SECRET = "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"
OTHER_SECRET = "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"


class Case(SynchronousTestCase):
    """A machine on which only what a test puts there is installed."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.system = Path(self.mktemp()).absolute()
        self.patch(client, "SYSTEM", self.system)

    def put(self, path: Path, content: bytes) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def find(
        self,
        platform: str = "linux",
        env: Mapping[str, str] | None = None,
        programs: Sequence[Path] = (),
    ) -> Client | None:
        host = fake_host(self.home, platform=platform, env=env)
        return self.successResultOf(Deferred.fromCoroutine(find_client(host, programs)))

    def in_program(self, content: bytes) -> Client | None:
        """The client in a program that runs."""
        return self.find(programs=[self.put(self.home / "server", content)])


class EnvironmentTests(Case):
    """The client in the environment."""

    def test_both(self) -> None:
        """Id and secret of the environment go before those of the installed program."""
        self.put(self.home / ".local/bin/agy", f"{OTHER_ID} {OTHER_SECRET}".encode())
        env = {"ANTIGRAVITY_OAUTH_CLIENT_ID": ID, "ANTIGRAVITY_OAUTH_CLIENT_SECRET": "any secret"}
        self.assertEqual(self.find(env=env), Client(OTHER_ID, OTHER_SECRET))

        found = self.find(env={**env, "ANTIGRAVITY_OAUTH_CLIENT_SECRET": SECRET})

        self.assertEqual(found, Client(ID, SECRET))
        self.assertNotIn("planted_secret", repr(found))

    def test_secret_alone(self) -> None:
        """With the secret alone the id is the one that everybody knows."""
        env = {"ANTIGRAVITY_OAUTH_CLIENT_SECRET": SECRET}

        self.assertEqual(self.find(env=env), Client(CLIENT_ID, SECRET))

    def test_id_alone(self) -> None:
        """The id alone is of no use."""
        self.assertIsNone(self.find(env={"ANTIGRAVITY_OAUTH_CLIENT_ID": ID}))


class ScriptTests(Case):
    """The client in the script of the app."""

    RESOURCES = (
        ("linux", "system", "usr/share/antigravity/resources"),
        ("linux", "system", "usr/share/antigravity-ide/resources"),
        ("linux", "system", "opt/Antigravity IDE/resources"),
        ("darwin", "system", "Applications/Antigravity.app/Contents/Resources"),
        ("darwin", "system", "Applications/Antigravity IDE.app/Contents/Resources"),
        ("darwin", "home", "Applications/Antigravity.app/Contents/Resources"),
        ("win32", "home", "AppData/Local/Programs/Antigravity/resources"),
        ("win32", "home", "AppData/Local/Programs/Antigravity IDE/resources"),
    )

    def script(self, content: bytes) -> None:
        self.put(self.system / "usr/share/antigravity/resources/app/out/main.js", content)

    def test_systems(self) -> None:
        """It is found where the app is installed on each system."""
        for platform, root, folder in self.RESOURCES:
            self.setUp()
            where = self.system if root == "system" else self.home
            script = f'define("{MARKER.decode()}",()=>{{a="{ID}",b="{SECRET}"}})'.encode()
            self.put(where / folder / "app/out/main.js", script)
            self.assertEqual(self.find(platform), Client(ID, SECRET), folder)

    def test_behind_marker(self) -> None:
        """Of several the ones count that follow the name of the module."""
        pair = f"{OTHER_ID}{OTHER_SECRET};".encode()
        self.script(pair + MARKER + f" '{SECRET}' x='{ID}' ".encode() + pair)

        self.assertEqual(self.find(), Client(ID, SECRET))

    def test_no_id(self) -> None:
        """With the secret alone the id is the one that everybody knows."""
        self.script(MARKER + SECRET.encode())

        self.assertEqual(self.find(), Client(CLIENT_ID, SECRET))

    def test_none(self) -> None:
        """Without the marker, or without a secret behind it, the script tells nothing."""
        for content in (
            b"",
            f"{ID} {SECRET}".encode(),
            MARKER + ID.encode(),
            SECRET.encode() + MARKER,
        ):
            self.script(content)
            self.assertIsNone(self.find(), content)


class ProgramTests(Case):
    """The client in a program."""

    def test_systems(self) -> None:
        """It is found in the language server of the app, and in `agy`."""
        both = f"\0{ID}\0{SECRET}\0".encode()
        for platform, root, folder in ScriptTests.RESOURCES:
            for below in (
                "app/extensions/antigravity/bin/language_server_x64",
                "bin/language_server",
            ):
                self.setUp()
                where = self.system if root == "system" else self.home
                self.put(where / folder / below, both)
                self.assertEqual(self.find(platform), Client(ID, SECRET), below)
        for platform, path in (
            ("linux", self.home / ".local/bin/agy"),
            ("darwin", self.system / "usr/local/bin/agy"),
            ("win32", self.home / "AppData/Local/agy/bin/agy.exe"),
        ):
            self.put(path, both)
            self.assertEqual(self.find(platform), Client(ID, SECRET), platform)

    def test_running(self) -> None:
        """One that runs is looked into wherever it lies."""
        self.assertEqual(self.in_program(f"{ID}{SECRET}".encode()), Client(ID, SECRET))

    def test_script_first(self) -> None:
        """The script goes before the programs."""
        resources = self.system / "opt/Antigravity/resources"
        self.put(resources / "bin/language_server", f"{OTHER_ID} {OTHER_SECRET}".encode())
        self.put(resources / "app/out/main.js", MARKER + f"{ID} {SECRET}".encode())

        self.assertEqual(self.find(), Client(ID, SECRET))

    def test_several(self) -> None:
        """What belongs together is told by how many there are; else nothing is."""
        for content, found in (
            (f"{ID} {OTHER_ID} {SECRET}", Client(OTHER_ID, SECRET)),
            (f"{ID} {OTHER_ID} {SECRET} {OTHER_SECRET}", Client(ID, OTHER_SECRET)),
            (f"{ID} {ID} {SECRET} {SECRET} {SECRET}", Client(ID, SECRET)),
            (SECRET, Client(CLIENT_ID, SECRET)),
            (f"{ID} {SECRET} {OTHER_SECRET}", None),
            (f"{SECRET} {OTHER_SECRET}", None),
            (ID, None),
            ("", None),
        ):
            self.assertEqual(self.in_program(content.encode()), found, content)

    def test_next(self) -> None:
        """A program that tells nothing gives way to the next one."""
        first = self.put(self.home / "first", f"{SECRET} {OTHER_SECRET}".encode())
        second = self.put(self.home / "second", SECRET.encode())

        found = self.find(programs=[self.home / "none", self.home, first, second])

        self.assertEqual(found, Client(CLIENT_ID, SECRET))

    def test_exact(self) -> None:
        """A secret has 28 characters, whatever follows it, as strings do without a gap in Go."""
        self.assertEqual(self.in_program(f"{SECRET}https://x".encode()), Client(CLIENT_ID, SECRET))
        self.assertIsNone(self.in_program(SECRET[:-1].encode() + b"\0"))

    def test_edges(self) -> None:
        """What lies across the edge between two parts that are read is found once, and whole."""
        self.patch(client, "_CHUNK", 300)
        both = f"{ID}\0{SECRET}".encode()
        for before in range(250, 310):
            content = b"\0" * before + both + b"\0" * 700
            self.assertEqual(self.in_program(content), Client(ID, SECRET), before)

    def test_bounded(self) -> None:
        """Of all programs together no more is read than a bound, so that the search ends."""
        self.patch(client, "_CHUNK", 100)
        self.patch(client, "_LONGEST_PROGRAMS", 1000)
        first = self.put(self.home / "first", b"\0" * 900)
        late = self.put(self.home / "late", b"\0" * 100 + SECRET.encode())
        soon = self.put(self.home / "soon", SECRET.encode())

        self.assertIsNone(self.find(programs=[first, late]))
        self.assertEqual(self.find(programs=[first, soon]), Client(CLIENT_ID, SECRET))

    def test_not_a_file(self) -> None:
        """A pipe or a name that no file can have is passed over."""
        pipe = self.home / "pipe"
        self.home.mkdir()
        if hasattr(os, "mkfifo"):
            os.mkfifo(pipe)

        self.assertIsNone(self.find(programs=[pipe, Path("/nul\0")]))

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.sampled_from([b"GOCSPX-", b"a" * 28, ID.encode(), b"1" * 200, b"-", b"\0"])))
    def test_anything(self, parts: list[bytes]) -> None:
        """Whatever is in a program, what is found in it looks like a client."""
        found = self.in_program(b"".join(parts))

        if found is not None:
            self.assertRegex(found.secret, r"\AGOCSPX-[A-Za-z0-9_-]{28}\Z")
            self.assertRegex(found.id, r"\A[0-9]+-[A-Za-z0-9_-]+\.apps\.googleusercontent\.com\Z")
