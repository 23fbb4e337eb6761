"""Tests for `openusage.providers.keys` and `openusage.providers.opencodedata`."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.model import NotLoggedInError
from openusage.providers.keys import Key, env_key, file_key, json_file, no_key, opencode_key, usable
from openusage.providers.opencodedata import auth_files, data_folders, databases, used_database
from openusage.testing import fake_host, run_inline
from tests.planters.opencode_go import write_messages

T = TypeVar("T")


class Case(SynchronousTestCase):
    """A machine with a home folder, empty at first."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()

    def host(self, env: Mapping[str, str] | None = None, platform: str = "linux") -> Host:
        return fake_host(self.home, env=env, platform=platform)

    def put(self, name: str, content: object) -> Path:
        """Write a file below the home folder; what is no text as JSON."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def result(self, work: Coroutine[Any, Any, T]) -> T:
        found: T = self.successResultOf(Deferred.fromCoroutine(work))
        return found


class KeyTests(Case):
    """`Key` and `usable`."""

    def test_secret(self) -> None:
        """A key is not shown in its `repr`."""
        self.assertNotIn("sk-planted", repr(Key("sk-planted", "HERE")))

    def test_usable(self) -> None:
        """What can stand in a header is a key; what cannot is none, which is remarked."""
        host = self.host()
        self.assertEqual(usable(host, "sk-planted", "HERE"), Key("sk-planted", "HERE"))
        self.assertIsNone(usable(host, None, "HERE"))
        self.assertEqual(host.visit.notes, [])
        for odd in ("two words", "ключ", "sk-\x00"):
            self.assertIsNone(usable(host, odd, "HERE"))
        text = "The key in HERE has a character that no key has and was ignored."
        self.assertEqual(host.visit.notes, [text])


class EnvKeyTests(Case):
    """`env_key`."""

    def test_first(self) -> None:
        """The first variable with a key that is not blank and can be sent is used."""
        host = self.host({"A": " ", "B": "two words", "C": " sk-c\n", "D": "sk-d"})
        self.assertEqual(env_key(host, "A", "B", "C", "D"), Key("sk-c", "C"))
        self.assertIsNone(env_key(host, "A", "E"))


class FileKeyTests(Case):
    """`file_key`."""

    def found(self, content: object) -> str | None:
        key = self.result(file_key(self.host(), self.put(".x/key", content)))
        return None if key is None else key.value

    def test_json(self) -> None:
        """In a JSON object the key has one of three names, the first that is not blank."""
        for content, value in (
            ({"apiKey": " sk-a "}, "sk-a"),
            ({"api_key": "sk-b"}, "sk-b"),
            ({"key": "sk-c"}, "sk-c"),
            ({"key": "sk-c", "api_key": "sk-b", "apiKey": " "}, "sk-b"),
            ('\ufeff  {"key": "sk-c"}\n', "sk-c"),
        ):
            self.assertEqual(self.found(content), value)

    def test_alone(self) -> None:
        """A file may hold the key alone."""
        for content in ("sk-or-v1_a.b/c+d=", "\n sk-or-v1_a.b/c+d=\r\n", "\ufeffsk-or-v1_a.b/c+d="):
            self.assertEqual(self.found(content), "sk-or-v1_a.b/c+d=")

    def test_no_key(self) -> None:
        """JSON of another kind, prose, and what is longer than any key is none."""
        contents: list[Any] = [
            "",
            " \n",
            {},
            {"apiKey": 5, "other": "sk-a"},
            "{half",
            ["sk-a"],
            '"sk-a"',
            "null",
            "true",
            "my key",
            "<html>",
            "[" * 500,
            "x" * 1001,
            b"\xff\xfe\x00sk-a",
        ]
        for content in contents:
            self.assertIsNone(self.found(content), content)

    def test_order(self) -> None:
        """The first file that holds one is used, and shown as a person knows it."""
        first, second = self.put(".x/key", " "), self.put(".y/key", "sk-y")
        host = self.host()
        found = self.result(file_key(host, self.home / "missing", first, second))
        self.assertEqual(found, Key("sk-y", "~/.y/key"))
        self.assertEqual(host.visit.notes, [])

    def test_unreadable(self) -> None:
        """A file that is there and cannot be read is remarked."""
        (self.home / ".x").mkdir()
        host = self.host()
        self.assertIsNone(self.result(file_key(host, self.home / ".x")))
        (note,) = host.visit.notes
        self.assertTrue(note.startswith("~/.x cannot be read ("), note)


class JsonFileTests(Case):
    """`json_file`."""

    def test_object(self) -> None:
        """An object is read; anything else is an empty one, and remarked unless it is missing."""
        host = self.host()
        self.assertEqual(self.result(json_file(host, self.put("a", {"x": 1}))), {"x": 1})
        self.assertEqual(self.result(json_file(host, self.home / "missing")), {})
        self.assertEqual(host.visit.notes, [])
        self.assertEqual(self.result(json_file(host, self.put("b", "[1]"))), {})
        self.assertEqual(host.visit.notes, ["~/b is no JSON object."])


class OpenCodeKeyTests(Case):
    """`opencode_key`."""

    FILE = ".local/share/opencode/auth.json"

    def test_services(self) -> None:
        """The first of the services that has a key is used, whatever else is in the file."""
        self.put(self.FILE, {"$schema": "x", "a": {"key": " "}, "b": {"key": " sk-b "}, "c": []})
        found = self.result(opencode_key(self.host(), "missing", "$schema", "c", "a", "b"))
        self.assertEqual(found, Key("sk-b", f"~/{self.FILE}"))
        self.assertIsNone(self.result(opencode_key(self.host(), "a", "missing")))

    def test_fields(self) -> None:
        """The key may have other names."""
        self.put(self.FILE, {"a": {"apiKey": "sk-a"}})
        self.assertIsNone(self.result(opencode_key(self.host(), "a")))
        found = self.result(opencode_key(self.host(), "a", fields=("key", "apiKey")))
        self.assertEqual(found, Key("sk-a", f"~/{self.FILE}"))

    def test_kind(self) -> None:
        """An entry of another type than is asked for has no key."""
        self.put(self.FILE, {"a": {"type": "oauth", "key": "sk-a"}, "b": {"key": "sk-b"}})
        self.assertIsNotNone(self.result(opencode_key(self.host(), "a")))
        self.assertIsNone(self.result(opencode_key(self.host(), "a", "b", kind="api")))

    def test_next_file(self) -> None:
        """A file without such a key is passed over."""
        self.put("data/opencode/auth.json", {"other": {"key": "sk-other"}})
        self.put(self.FILE, {"a": {"key": "sk-a"}})
        found = self.result(opencode_key(self.host({"XDG_DATA_HOME": "~/data"}), "a"))
        self.assertEqual(found, Key("sk-a", f"~/{self.FILE}"))

    def test_elsewhere(self) -> None:
        """A folder outside the home is shown by its variable."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "auth.json").write_text('{"a": {"key": "sk-a"}}')
        found = self.result(opencode_key(self.host({"OPENCODE_DATA_DIR": str(folder)}), "a"))
        self.assertEqual(found, Key("sk-a", "$OPENCODE_DATA_DIR/auth.json"))


class NoKeyTests(SynchronousTestCase):
    """`no_key`."""

    def test_places(self) -> None:
        """The error names each place once."""
        error = no_key("No key. Set A.", ["A", "~/.a", "A"])
        self.assertIsInstance(error, NotLoggedInError)
        self.assertEqual(str(error), "No key. Set A. (No key in A, ~/.a.)")


class FolderTests(Case):
    """`data_folders` and `auth_files`."""

    def test_systems(self) -> None:
        """The XDG folder goes first on every system, then the system's own."""
        usual, roaming = ".local/share/opencode", "AppData/Roaming/opencode"
        for platform, env, names in (
            ("linux", {}, [usual]),
            ("linux", {"XDG_DATA_HOME": "~/data/"}, ["data/opencode", usual]),
            ("darwin", {}, [usual, "Library/Application Support/opencode"]),
            ("win32", {}, [usual, "AppData/Local/opencode", roaming]),
            ("win32", {"LOCALAPPDATA": "~/local"}, [usual, "local/opencode", roaming]),
            ("win32", {"OPENCODE_DATA_DIR": "~/mine\\"}, ["mine"]),
            ("linux", {"OPENCODE_DATA_DIR": " ~/mine// ", "XDG_DATA_HOME": "~/data"}, ["mine"]),
            ("linux", {"OPENCODE_DATA_DIR": " "}, [usual]),
        ):
            host = self.host(env, platform)
            self.assertEqual(data_folders(host), tuple(self.home / name for name in names))
            files = tuple(self.home / name / "auth.json" for name in names)
            self.assertEqual(auth_files(host), files)


class DatabaseTests(Case):
    """`databases` and `used_database`."""

    FOLDER = ".local/share/opencode"

    def answer(self, service: str, cost: object = 1) -> tuple[object, str]:
        return 1, json.dumps({"role": "assistant", "providerID": service, "cost": cost})

    def test_names(self) -> None:
        """Every file of such a name is one, sorted, and nothing else is."""
        for name in ("opencode.db", "opencode-next.db", "opencode.db-wal", "other.db", "auth.json"):
            self.put(f"{self.FOLDER}/{name}", b"")
        (self.home / self.FOLDER / "opencode-folder.db").mkdir()
        names = [path.name for path in self.result(databases(self.host()))]
        self.assertEqual(names, ["opencode-next.db", "opencode.db"])

    def test_first_folder(self) -> None:
        """The first folder that has any is the only one that counts."""
        host = self.host({"XDG_DATA_HOME": "~/data"})
        self.assertEqual(self.result(databases(host)), ())
        usual = self.put(f"{self.FOLDER}/opencode.db", b"")
        self.put("data/opencode", b"no folder")
        self.assertEqual(self.result(databases(host)), (usual,))
        (self.home / "data/opencode").unlink()
        first = self.put("data/opencode/opencode.db", b"")
        self.assertEqual(self.result(databases(host)), (first,))

    def test_forbidden(self) -> None:
        """A folder that cannot be listed is an error, unless another one has databases."""

        def run(function: Any, /, *args: Any, **more: Any) -> Deferred[Any]:
            (folders,) = args
            return run_inline(function, [Forbidden(), *folders], **more)

        host = evolve(self.host(), run=run)
        self.failureResultOf(Deferred.fromCoroutine(databases(host)), PermissionError)
        usual = self.put(f"{self.FOLDER}/opencode.db", b"")
        self.assertEqual(self.result(databases(host)), (usual,))

    def test_used(self) -> None:
        """A database counts as used by an answer of one of the services that tells its cost."""
        host = self.host()
        self.assertIsNone(self.result(used_database(host, "a")))
        path = self.home / self.FOLDER / "opencode.db"
        for rows, used in (
            ([], False),
            ([self.answer("c")], False),
            ([self.answer("a", "1")], False),
            ([(1, "{half"), (1, None), (1, '{"role": "assistant"}')], False),
            ([self.answer("a")], True),
            ([self.answer("b", 0), *[(1, "{half")] * 9], True),
        ):
            path.unlink(missing_ok=True)
            write_messages(path, rows)
            self.assertEqual(self.result(used_database(host, "a", "b")), path if used else None)

    def test_newest(self) -> None:
        """What was used long ago, before thousands of other answers, is not looked for."""
        path = self.home / self.FOLDER / "opencode.db"
        for others, found in ((1999, path), (2000, None)):
            path.unlink(missing_ok=True)
            write_messages(path, [self.answer("a"), *[self.answer("c")] * others])
            self.assertEqual(self.result(used_database(self.host(), "a")), found)

    def test_damaged(self) -> None:
        """A damaged database shows nothing, and does not hide another one."""
        self.put(f"{self.FOLDER}/opencode-dev.db", b"no database")
        self.assertIsNone(self.result(used_database(self.host(), "a")))
        path = self.home / self.FOLDER / "opencode.db"
        write_messages(path, [self.answer("a")])
        self.assertEqual(self.result(used_database(self.host(), "a")), path)


class Forbidden:
    """A folder that may not be looked into."""

    def iterdir(self) -> list[Path]:
        raise PermissionError(13, "Permission denied")
