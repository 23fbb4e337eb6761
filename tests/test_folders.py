"""Tests for `openusage.folders`."""

from __future__ import annotations

from pathlib import Path

from platformdirs import PlatformDirs
from twisted.trial.unittest import SynchronousTestCase

from openusage.folders import Folders, find_folders


class FoldersTests(SynchronousTestCase):
    """Tests for `Folders`."""

    def test_files(self) -> None:
        """The settings are in the config folder, all else in the data folder."""
        folders = Folders(Path("/config"), Path("/data"))

        self.assertEqual(folders.settings, Path("/config/settings.json"))
        self.assertEqual(folders.cache, Path("/data/snapshots.json"))
        self.assertEqual(folders.states, Path("/data/state"))


class FindFoldersTests(SynchronousTestCase):
    """Tests for `find_folders`."""

    def test_usual(self) -> None:
        """Unless told otherwise they are where the system has such things."""
        usual = PlatformDirs("openusage", appauthor=False)

        self.assertEqual(
            find_folders({}), Folders(Path(usual.user_config_dir), Path(usual.user_data_dir))
        )

    def test_environment(self) -> None:
        """The two variables go before that."""
        folders = find_folders({"OPENUSAGE_CONFIG_DIR": "/c", "OPENUSAGE_DATA_DIR": "/d"})

        self.assertEqual(folders, Folders(Path("/c").absolute(), Path("/d").absolute()))

    def test_given(self) -> None:
        """What is given goes before the variables, each for itself."""
        environ = {"OPENUSAGE_CONFIG_DIR": "/c", "OPENUSAGE_DATA_DIR": "/d"}

        self.assertEqual(find_folders(environ, "/given").config, Path("/given").absolute())
        self.assertEqual(find_folders(environ, "/given").data, Path("/d").absolute())
        self.assertEqual(find_folders(environ, None, "/given").data, Path("/given").absolute())

    def test_blank(self) -> None:
        """A blank variable counts as unset."""
        for blank in ("", "  "):
            self.assertEqual(
                find_folders({"OPENUSAGE_CONFIG_DIR": blank, "OPENUSAGE_DATA_DIR": blank}),
                find_folders({}),
            )

    def test_relative(self) -> None:
        """A relative folder starts in the current one, a tilde in the home folder."""
        self.assertEqual(find_folders({}, "a").config, Path.cwd() / "a")
        self.assertEqual(find_folders({}, "~/a").config, Path.home() / "a")
