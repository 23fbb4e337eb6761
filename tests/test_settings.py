"""Tests for `openusage.settings`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.settings import (
    Account,
    Plugins,
    Settings,
    SettingsError,
    edit_settings,
    is_id,
    parse_settings,
    read_settings,
)
from tests.pieces import mode, names

FULL = """{
  "plugins": {"order": ["codex", "claude"], "disabled": ["cursor"], "enabled": ["claude"]},
  "autoUpdateInterval": 15,
  "accounts": [
    {"id": "claude-work", "provider": "claude", "name": "Claude (work)",
     "env": {"CLAUDE_CONFIG_DIR": "~/.claude-work", "HTTPS_PROXY": null}, "home": "/srv/ada"}
  ],
  "refreshCredentials": ["claude-work"],
  "timeZone": "Europe/Berlin",
  "userAgents": {"claude": "my-agent/1.0"},
  "refreshPrices": false
}
"""

NAME_OF_AN_ID = "must be an id (lower-case letters, digits, `.`, `_`, `-`)"
ACCOUNT = '{"id": "a", "provider": "claude", %s}'

# What is in the file, and what is said of it.
BAD = (
    ('{"plugins": []}', "line 1: plugins must be an object, not a list"),
    ('{"plugins": null}', "line 1: plugins must be an object, not null"),
    ('{\n"plugins":\n{"order": "claude"}}', "line 3: plugins.order must be a list, not text"),
    ('{"plugins": {"order": [\n1]}}', "line 2: plugins.order[0] must be text, not a whole number"),
    ('{"plugins": {"enabled": ["a",\n"A"]}}', f"line 2: plugins.enabled[1] {NAME_OF_AN_ID}"),
    ('{"plugins": {"disabled": [""]}}', f"line 1: plugins.disabled[0] {NAME_OF_AN_ID}"),
    ('{"plugins": {"disabled": ["../x"]}}', f"line 1: plugins.disabled[0] {NAME_OF_AN_ID}"),
    (
        '{\n"autoUpdateInterval": 0}',
        "line 2: autoUpdateInterval must be a whole number from 1 to 60",
    ),
    (
        '{"autoUpdateInterval": 61}',
        "line 1: autoUpdateInterval must be a whole number from 1 to 60",
    ),
    (
        '{"autoUpdateInterval": 5.0}',
        "line 1: autoUpdateInterval must be a whole number, not a number",
    ),
    (
        '{"autoUpdateInterval": NaN}',
        "line 1: autoUpdateInterval must be a whole number, not a number",
    ),
    (
        '{"autoUpdateInterval": true}',
        "line 1: autoUpdateInterval must be a whole number, not true or false",
    ),
    ('{"accounts": {}}', "line 1: accounts must be a list, not an object"),
    ('{"accounts": ["a"]}', "line 1: accounts[0] must be an object, not text"),
    ('{"accounts": [\n{"id": "a"}]}', "line 2: accounts[0].provider is missing"),
    (
        '{"accounts": [{"id": "a", "provider": "b"},\n{"id": "a",\n"provider": "c"}]}',
        "line 2: accounts[1].id must be another id than that of an account before",
    ),
    (
        '{"accounts": [{"id": "a", "provider": "b"},\n{"id": "c",\n"provider": "B c"}]}',
        f"line 3: accounts[1].provider {NAME_OF_AN_ID}",
    ),
    (
        '{"accounts": [' + ACCOUNT % '"name": " "' + "]}",
        "line 1: accounts[0].name must not be blank",
    ),
    (
        '{"accounts": [' + ACCOUNT % '"name": 5' + "]}",
        "line 1: accounts[0].name must be text, not a whole number",
    ),
    (
        '{"accounts": [' + ACCOUNT % '"env": []' + "]}",
        "line 1: accounts[0].env must be an object, not a list",
    ),
    (
        '{"accounts": [' + ACCOUNT % '"env": {"MY_DIR": 5}' + "]}",
        "line 1: accounts[0].env.MY_DIR must be text, not a whole number",
    ),
    (
        '{"accounts": [' + ACCOUNT % '"home": false' + "]}",
        "line 1: accounts[0].home must be text, not true or false",
    ),
    ('{"refreshCredentials": "claude"}', "line 1: refreshCredentials must be a list, not text"),
    ('{"refreshCredentials": [null]}', "line 1: refreshCredentials[0] must be text, not null"),
    ('{"timeZone": "Berlin"}', "line 1: timeZone must be a name such as Europe/Berlin"),
    ('{"timeZone": ""}', "line 1: timeZone must be a name such as Europe/Berlin"),
    ('{"timeZone": "../../etc/passwd"}', "line 1: timeZone must be a name such as Europe/Berlin"),
    ('{"timeZone": "Europe"}', "line 1: timeZone must be a name such as Europe/Berlin"),
    ('{"timeZone": "\\u0000"}', "line 1: timeZone must be a name such as Europe/Berlin"),
    ('{"timeZone": "\\ud800"}', "line 1: timeZone must be a name such as Europe/Berlin"),
    ('{"timeZone": 2}', "line 1: timeZone must be text, not a whole number"),
    ('{"userAgents": []}', "line 1: userAgents must be an object, not a list"),
    ('{"userAgents": {"claude": 5}}', "line 1: userAgents.claude must be text, not a whole number"),
    ('{"userAgents": {"claude": " "}}', "line 1: userAgents.claude must be printable ASCII text"),
    ('{"userAgents": {"claude": "é"}}', "line 1: userAgents.claude must be printable ASCII text"),
    (
        '{"userAgents": {"claude": "a\\r\\nX: b"}}',
        "line 1: userAgents.claude must be printable ASCII text",
    ),
    ('{"refreshPrices": 1}', "line 1: refreshPrices must be true or false, not a whole number"),
)

BROKEN = (
    ("", "line 1: Expecting value"),
    ('{"plugins": {},\nx}', "line 2: Expecting property name enclosed in double quotes"),
    ('{"timeZone": "a\0"}', "line 1: Invalid control character at"),
    ("[]", ": must hold a JSON object"),
    ("null", ": must hold a JSON object"),
    ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", ": nested too deeply"),
    ('{"a": ' + "9" * 5000 + "}", ": a number is too long"),
)


class _FileTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "settings.json"
        self.path.parent.mkdir()

    def refusal(self, content: str | bytes) -> str:
        """What is said of a file with that content."""
        self.path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(self.assertRaises(SettingsError, read_settings, self.path))


class ReadSettingsTests(_FileTestCase):
    """Tests for `read_settings`."""

    def test_absent(self) -> None:
        """Without a file the defaults hold."""
        self.assertEqual(read_settings(self.path), Settings())

    def test_full(self) -> None:
        """Every key is read."""
        self.path.write_text(FULL)

        self.assertEqual(
            read_settings(self.path),
            Settings(
                plugins=Plugins(("codex", "claude"), ("cursor",), ("claude",)),
                auto_update_interval=15,
                accounts=(
                    Account(
                        "claude-work",
                        "claude",
                        "Claude (work)",
                        {"CLAUDE_CONFIG_DIR": "~/.claude-work", "HTTPS_PROXY": None},
                        "/srv/ada",
                    ),
                ),
                refresh_credentials=("claude-work",),
                time_zone="Europe/Berlin",
                user_agents={"claude": "my-agent/1.0"},
                refresh_prices=False,
            ),
        )

    def test_byte_order_mark(self) -> None:
        """A byte-order mark, as some editors write one, is no part of the text."""
        self.path.write_bytes(b"\xef\xbb\xbf" + FULL.encode())

        self.assertEqual(read_settings(self.path).auto_update_interval, 15)

    def test_bad(self) -> None:
        """A bad value is named by file, line and key, with what would be right."""
        for content, expected in BAD:
            self.assertEqual(self.refusal(content), f"settings.json, {expected}")

    def test_broken(self) -> None:
        """A file that is no JSON object is refused, whatever is in it."""
        for content, expected in BROKEN:
            words = self.refusal(content)
            self.assertTrue(words.startswith("settings.json"), words)
            self.assertIn(expected, words)

    def test_not_text(self) -> None:
        """A file that is no UTF-8 is refused."""
        for content in (b"\xff\xfe{\x00}\x00", b'{"a": "\xe9"}'):
            self.assertEqual(
                self.refusal(content), "settings.json: cannot be read (not UTF-8 text)"
            )

    def test_unreadable(self) -> None:
        """What is no file is refused with the system's reason and without its path."""
        self.path.mkdir()

        error = self.assertRaises(SettingsError, read_settings, self.path)

        self.assertEqual(str(error), "settings.json: cannot be read (Is a directory)")

    @examples(deadline=None, max_examples=200)
    @given(
        st.binary(max_size=60)
        | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
    )
    def test_anything(self, content: bytes) -> None:
        """Whatever is in the file, it is read or refused with a `SettingsError`."""
        self.path.write_bytes(content)
        try:
            read_settings(self.path)
        except SettingsError as error:
            self.assertTrue(str(error).startswith("settings.json"))


class ParseSettingsTests(SynchronousTestCase):
    """Tests for `parse_settings`."""

    def test_unknown(self) -> None:
        """Keys that mean nothing are named, wherever they are, and cost nothing."""
        settings = parse_settings(
            '{"theme": 1, "plugins": {"enable": ["x"], "order": []}, "unknown": 2,'
            ' "accounts": [{"id": "a", "provider": "b", "nmae": 3}], "autoUpdateInterval": 7}'
        )

        self.assertEqual(
            settings.unknown, ("accounts[0].nmae", "plugins.enable", "theme", "unknown")
        )
        self.assertEqual(settings.auto_update_interval, 7)

    def test_known(self) -> None:
        """Nothing that is documented counts as unknown."""
        self.assertEqual(parse_settings(FULL).unknown, ())

    def test_twice(self) -> None:
        """Of a key that is there twice the last counts, and is the one complained of."""
        self.assertEqual(
            parse_settings('{"refreshPrices": 5, "refreshPrices": false}').refresh_prices, False
        )
        error = self.assertRaises(
            SettingsError, parse_settings, '{"refreshPrices": false,\n"refreshPrices": 5}'
        )
        self.assertIn("line 2", str(error))

    def test_name(self) -> None:
        """The words bear the name that is given."""
        error = self.assertRaises(SettingsError, parse_settings, "[]", "mine.json")

        self.assertEqual(str(error), "mine.json: must hold a JSON object")

    @examples(deadline=None, max_examples=200)
    @given(
        st.dictionaries(
            st.sampled_from(
                ["plugins", "accounts", "timeZone", "userAgents", "refreshCredentials", "x"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["order", "id", "provider", "name", "env", "home"])
                        | st.text(max_size=4),
                        inner,
                        max_size=4,
                    )
                ),
                max_leaves=8,
            ),
        )
    )
    def test_shapes(self, document: Any) -> None:
        """JSON of any shape is read or refused with a `SettingsError` that names a line."""
        try:
            parse_settings(json.dumps(document, indent=1))
        except SettingsError as error:
            self.assertRegex(str(error), r"settings\.json, line [0-9]+: \S")


class SettingsTests(SynchronousTestCase):
    """Tests for `Settings`."""

    def test_may_refresh(self) -> None:
        """Refresh tokens are spent only where the person allowed it."""
        for value, claude, codex in (
            ("false", False, False),
            ("true", True, True),
            ("[]", False, False),
            ('["claude"]', True, False),
        ):
            settings = parse_settings(f'{{"refreshCredentials": {value}}}')
            self.assertEqual(settings.may_refresh("claude"), claude, value)
            self.assertEqual(settings.may_refresh("codex"), codex, value)
        self.assertFalse(Settings().may_refresh("claude"))


class IsIdTests(SynchronousTestCase):
    """Tests for `is_id`."""

    def test_ids(self) -> None:
        """An id is fit for a URL and a file name on every system."""
        for good in ("claude", "claude-work", "z.ai", "0x", "a_b"):
            self.assertTrue(is_id(good), good)
        for bad in ("", ".", "..", "-a", "A", "a/b", "a\\b", "a b", "a\n", "é", "a\0", "~"):
            self.assertFalse(is_id(bad), bad)


class EditSettingsTests(_FileTestCase):
    """Tests for `edit_settings`."""

    def interval(self, minutes: Any) -> None:
        def change(raw: dict[str, Any]) -> None:
            raw["autoUpdateInterval"] = minutes

        edit_settings(self.path, change)

    def test_new(self) -> None:
        """Without a file, or a folder for it, one is made that only its owner can read."""
        self.path = self.path.parent / "deeper" / "settings.json"

        self.interval(7)

        self.assertEqual(json.loads(self.path.read_text()), {"autoUpdateInterval": 7})
        self.assertEqual(mode(self.path), 0o600)
        self.assertEqual(mode(self.path.parent), 0o700)

    def test_rest_stays(self) -> None:
        """What is not changed stays, in its order: keys that mean nothing to us as well."""
        self.path.write_text(
            '{"theme": {"dark": [1.5, null]}, "plugins": {"hidden": []}, "é": "🙂"}'
        )

        self.interval(7)

        self.assertEqual(
            self.path.read_text(),
            json.dumps(
                {
                    "theme": {"dark": [1.5, None]},
                    "plugins": {"hidden": []},
                    "é": "🙂",
                    "autoUpdateInterval": 7,
                },
                indent=2,
                ensure_ascii=False,
            )
            + "\n",
        )

    def test_surrogates(self) -> None:
        """Half a surrogate pair in what we do not know is kept as it was spelled."""
        self.path.write_text('{"theme": "\\ud800 é"}')

        self.interval(7)

        self.assertIn('"\\ud800 é"', self.path.read_text())

    def test_invalid(self) -> None:
        """A change that makes the settings invalid is refused, and nothing is written."""
        self.path.write_text(FULL)

        error = self.assertRaises(SettingsError, self.interval, 99)

        self.assertIn("autoUpdateInterval must be", str(error))
        self.assertEqual(self.path.read_text(), FULL)
        self.assertEqual(names(self.path.parent), ["settings.json"])

    def test_invalid_before(self) -> None:
        """A file that is not valid is left alone, as the change might be lost in it."""
        for content in (b"{", b'{"plugins": 1}', b"\xff", b"[]", b"[" * 100_000):
            self.path.write_bytes(content)

            self.assertRaises(SettingsError, self.interval, 7)

            self.assertEqual(self.path.read_bytes(), content)
        self.assertEqual(names(self.path.parent), ["settings.json"])

    def test_deep(self) -> None:
        """What can be read but is too deep to be written again is refused, in words."""
        content = '{"theme": ' + "[" * 900 + "]" * 900 + "}"
        self.path.write_text(content)

        try:
            self.interval(7)
        except SettingsError as error:
            self.assertEqual(str(error), "settings.json: nested too deeply")
            self.assertEqual(self.path.read_text(), content)
        else:
            self.assertEqual(read_settings(self.path).auto_update_interval, 7)

    def test_link(self) -> None:
        """A file that is a symbolic link stays one; what it leads to is changed."""
        real = self.path.parent / "dotfiles.json"
        real.write_text("{}")
        self.path.symlink_to(real.name)

        self.interval(7)

        self.assertTrue(self.path.is_symlink())
        self.assertEqual(json.loads(real.read_text()), {"autoUpdateInterval": 7})

    def test_dangling_link(self) -> None:
        """A link to what is not there yet leads to the new file."""
        self.path.symlink_to(Path("dotfiles") / "openusage.json")

        self.interval(7)

        self.assertTrue(self.path.is_symlink())
        self.assertEqual(read_settings(self.path).auto_update_interval, 7)

    def test_mode(self) -> None:
        """The mode of the file is kept."""
        for bits in (0o644, 0o600, 0o640):
            self.path.write_text("{}")
            self.path.chmod(bits)
            self.interval(7)
            self.assertEqual(mode(self.path), bits)

    def test_disk_trouble(self) -> None:
        """A disk that takes nothing is told of; the old file stays and no other is left."""
        self.path.write_text(FULL)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device", "/home/ada/settings.json")

        self.patch(os, "fsync", full)

        error = self.assertRaises(SettingsError, self.interval, 7)

        self.assertEqual(str(error), "settings.json: cannot be written (No space left on device)")
        self.assertEqual(self.path.read_text(), FULL)
        self.assertEqual(names(self.path.parent), ["settings.json"])

    def test_folder(self) -> None:
        """What is no file is not replaced."""
        self.path.mkdir()

        self.assertRaises(SettingsError, self.interval, 7)

        self.assertTrue(self.path.is_dir())
