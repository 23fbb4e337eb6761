"""Tests for `openusage.host.places`."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.host.places import (
    app_folder,
    config_home,
    data_home,
    folder_from,
    local_app_folder,
    shown,
    state_database,
)
from openusage.testing import fake_host

HOME = Path("/home/ada")
ELSEWHERE = Path("/srv/ada")


def host(platform: str = "linux", **env: str) -> Host:
    """A host on a system with these variables."""
    return fake_host(HOME, platform=platform, env=env)


class FolderTests(SynchronousTestCase):
    """`folder_from` and the folders of tools that come from Linux."""

    def test_variable(self) -> None:
        """The variable names the folder; unset or blank, the other path is taken."""
        for value, expected in (
            (None, HOME / ".x"),
            ("", HOME / ".x"),
            (" \t", HOME / ".x"),
            ("/srv/ada", ELSEWHERE),
            ("/srv/ada/", ELSEWHERE),
            ("/srv/ada///", ELSEWHERE),
            ("~/mine", HOME / "mine"),
            ("~", HOME),
            ("mine", HOME / "mine"),
            ("/", Path("/")),
        ):
            with self.subTest(value=value):
                env = {} if value is None else {"X_HOME": value}
                self.assertEqual(folder_from(host(**env), "X_HOME", "~/.x"), expected)

    def test_homes(self) -> None:
        """They are the same on every system, and follow the XDG variables on every system."""
        for platform in ("linux", "darwin", "win32"):
            with self.subTest(platform=platform):
                plain = host(platform)
                self.assertEqual(config_home(plain), HOME / ".config")
                self.assertEqual(data_home(plain), HOME / ".local/share")
                named = host(platform, XDG_CONFIG_HOME="/srv/ada/c", XDG_DATA_HOME="/srv/ada/d")
                self.assertEqual(config_home(named), ELSEWHERE / "c")
                self.assertEqual(data_home(named), ELSEWHERE / "d")


class AppFolderTests(SynchronousTestCase):
    """`app_folder`, `local_app_folder` and `state_database`."""

    def test_systems(self) -> None:
        """Each system has its own place for what belongs to an application."""
        for platform, folder in (
            ("linux", HOME / ".config/An App"),
            ("darwin", HOME / "Library/Application Support/An App"),
            ("win32", HOME / "AppData/Roaming/An App"),
        ):
            with self.subTest(platform=platform):
                self.assertEqual(app_folder(host(platform), "An App"), folder)
                database = folder / "User/globalStorage/state.vscdb"
                self.assertEqual(state_database(host(platform), "An App"), database)

    def test_variables(self) -> None:
        """Linux and Windows have a variable for it; macOS has none."""
        env = {"XDG_CONFIG_HOME": "/srv/ada/xdg", "APPDATA": "/srv/ada/roaming"}
        for platform, folder in (
            ("linux", ELSEWHERE / "xdg"),
            ("darwin", HOME / "Library/Application Support"),
            ("win32", ELSEWHERE / "roaming"),
        ):
            with self.subTest(platform=platform):
                self.assertEqual(app_folder(host(platform, **env), "App"), folder / "App")

    def test_local(self) -> None:
        """On Windows what stays on the machine has a place of its own."""
        self.assertEqual(local_app_folder(host("win32"), "App"), HOME / "AppData/Local/App")
        named = host("win32", LOCALAPPDATA="/srv/ada/local")
        self.assertEqual(local_app_folder(named, "App"), ELSEWHERE / "local/App")

    def test_case(self) -> None:
        """Windows does not tell the names of variables apart by their case."""
        self.assertEqual(app_folder(host("win32", AppData="/srv/ada"), "App"), ELSEWHERE / "App")


class ShownTests(SynchronousTestCase):
    """`shown`."""

    def test_home(self) -> None:
        """What is below the home folder is shown from there."""
        for path, expected in (
            (HOME / ".x/login.json", "~/.x/login.json"),
            (HOME / "An App/state", "~/An App/state"),
            (HOME, "~"),
        ):
            with self.subTest(path=path):
                self.assertEqual(shown(host(), path), expected)

    def test_variables(self) -> None:
        """What is below a folder that a variable names is shown from there."""
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"):
            for value in ("/srv/ada", "/srv/ada/"):
                with self.subTest(variable=variable, value=value):
                    named = host(**{variable: value})
                    self.assertEqual(shown(named, ELSEWHERE / "x/y"), f"${variable}/x/y")
                    self.assertEqual(shown(named, ELSEWHERE), f"${variable}")

    def test_own_variable(self) -> None:
        """A provider's own variable goes before those that every program has."""
        named = host(X_HOME="/srv/ada", XDG_CONFIG_HOME="/srv")

        self.assertEqual(shown(named, ELSEWHERE / "login", "X_HOME"), "$X_HOME/login")
        self.assertEqual(shown(named, ELSEWHERE / "login"), "$XDG_CONFIG_HOME/ada/login")

    def test_home_first(self) -> None:
        """The home folder goes before any variable."""
        named = host(XDG_CONFIG_HOME="/home/ada/.config")

        self.assertEqual(shown(named, HOME / ".config/x"), "~/.config/x")

    def test_nowhere(self) -> None:
        """Of any other path the name alone is shown: the rest may tell who the person is."""
        for env in ({}, {"XDG_CONFIG_HOME": "/srv/adam"}, {"XDG_CONFIG_HOME": " "}):
            with self.subTest(env=env):
                self.assertEqual(shown(host(**env), ELSEWHERE / "secret/login"), "login")
