"""Where Cursor's logins are found, and which of two is used."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.model import NotLoggedInError
from openusage.providers.cursor.credentials import (
    Found,
    KeychainItems,
    StateDatabase,
    find_login,
    identity,
    parse_login,
    tool_file,
    user_id,
)
from openusage.testing import NOW, FakeKeychain, fake_host
from tests.planters.cursor import write_state

DAY = 86_400
STATE = "Cursor/User/globalStorage/state.vscdb"
FOLDERS = {
    "linux": ".config",
    "darwin": "Library/Application Support",
    "win32": "AppData/Roaming",
}
ACCESS_ITEM = ("cursor-access-token", "cursor-user")
REFRESH_ITEM = ("cursor-refresh-token", "cursor-user")
LOGIN = "Not logged in. Sign in via Cursor app or run `agent login`."


def jwt(
    subject: object = "google-oauth2|user_ada", name: str = "one", *, seconds: float = DAY
) -> str:
    """A token that expires so many seconds from now; `name` tells it from others."""
    claims = {"exp": NOW.timestamp() + seconds, "name": name}
    if subject is not None:
        claims["sub"] = subject
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


def put_state(
    home: Path, access: object = None, refresh: object = None, platform: str = "linux", **more: Any
) -> Path:
    """The application's database with these tokens; `membership` is that of the account."""
    path = home / FOLDERS[platform] / STATE
    path.parent.mkdir(parents=True)
    items = {
        "cursorAuth/accessToken": access,
        "cursorAuth/refreshToken": refresh,
        "cursorAuth/stripeMembershipType": more.get("membership", "pro"),
        "something.else": "kept",
    }
    write_state(path, {key: value for key, value in items.items() if value is not None})
    return path


def put_tool(home: Path, access: object = None, refresh: object = None) -> Path:
    """The tool's file on Linux with these tokens."""
    path = home / ".config/cursor/auth.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"accessToken": access, "refreshToken": refresh, "apiKey": "kept"}))
    return path


def keychain(access: str | None = None, refresh: str | None = None, **more: Any) -> FakeKeychain:
    """A keychain with the tool's tokens."""
    items: dict[tuple[str, str | None], str] = {}
    if access is not None:
        items[ACCESS_ITEM] = access
    if refresh is not None:
        items[REFRESH_ITEM] = refresh
    return FakeKeychain(items, **more)


class FindLoginTests(SynchronousTestCase):
    """`find_login`."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp())
        self.home.mkdir()

    def find(self, host: Host | None = None) -> Found:
        return self.successResultOf(
            Deferred.fromCoroutine(find_login(host or fake_host(self.home, id="cursor")))
        )

    def missing(self, host: Host) -> str:
        failure = self.failureResultOf(Deferred.fromCoroutine(find_login(host)), NotLoggedInError)
        return str(failure.value)

    def test_application(self) -> None:
        """The application's login is found where each system has it."""
        for platform in FOLDERS:
            with self.subTest(platform=platform):
                home = self.home / platform
                put_state(home, jwt(), " refresh\n", platform)
                found = self.find(fake_host(home, platform=platform))
                self.assertIsInstance(found.place, StateDatabase)
                self.assertEqual(
                    (found.login.access_token, found.login.refresh_token), (jwt(), "refresh")
                )
                assert found.login.expires_at is not None
                self.assertEqual(found.login.expires_at.timestamp(), NOW.timestamp() + DAY)

    def test_folder_variables(self) -> None:
        """The folders that the environment names are looked in instead of the usual ones."""
        for platform, variable in (("linux", "XDG_CONFIG_HOME"), ("win32", "APPDATA")):
            with self.subTest(platform=platform):
                folder = (self.home / platform).absolute()
                path = folder / STATE
                path.parent.mkdir(parents=True)
                write_state(path, {"cursorAuth/accessToken": "opaque-application"})
                host = fake_host(self.home, platform=platform, env={variable: str(folder)})
                self.assertEqual(self.find(host).login.access_token, "opaque-application")

    def test_blob(self) -> None:
        """A value that is kept as bytes is text all the same."""
        put_state(self.home, jwt().encode())
        self.assertEqual(self.find().login.access_token, jwt())

    def test_tool_files(self) -> None:
        """The tool's file lies where each system has it."""
        for platform, place in (
            ("linux", ".config/cursor/auth.json"),
            ("darwin", ".cursor/auth.json"),
            ("win32", "AppData/Roaming/Cursor/auth.json"),
        ):
            with self.subTest(platform=platform):
                host = fake_host(self.home, platform=platform)
                path = self.home / place
                self.assertEqual(tool_file(host), path)
                path.parent.mkdir(parents=True)
                path.write_text(json.dumps({"accessToken": f"opaque-{platform}"}))
                self.assertEqual(self.find(host).login.access_token, f"opaque-{platform}")

    def test_keychain(self) -> None:
        """Without a database the tool's keychain items are used on macOS, both by service alone."""
        secrets = keychain(f" {jwt()}\n", "refresh")
        found = self.find(fake_host(self.home, platform="darwin", keychain=secrets))

        self.assertIsInstance(found.place, KeychainItems)
        self.assertEqual((found.login.access_token, found.login.refresh_token), (jwt(), "refresh"))
        services = [("cursor-access-token", None), ("cursor-refresh-token", None)]
        self.assertEqual(secrets.asked, services)
        self.assertEqual(secrets.prompted, services)

    def test_both_are_read(self) -> None:
        """The keychain is asked even when the application has a login."""
        put_state(self.home, jwt(), platform="darwin")
        secrets = keychain(jwt(name="two"))
        self.find(fake_host(self.home, platform="darwin", keychain=secrets))
        self.assertEqual(len(secrets.asked), 2)

    def test_blank_item(self) -> None:
        """A blank keychain item is none; the tool's file is looked at then."""
        path = self.home / ".cursor/auth.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"accessToken": jwt(name="file")}))
        host = fake_host(self.home, platform="darwin", keychain=keychain(" \n"))
        self.assertEqual(self.find(host).login.access_token, jwt(name="file"))

    def test_choice(self) -> None:
        """The application goes first, unless it is a free account and the tool's another one."""
        ours, theirs = "google-oauth2|sqlite-user", "auth0|keychain-user"
        for name, membership, application, tool, tools_wins in (
            ("another account, paid", "pro", ours, theirs, False),
            ("another account, free", " Free ", ours, theirs, True),
            ("the same account, free", "free", ours, ours, False),
            ("no subject in the application's", "free", None, theirs, False),
            ("no subject in the tool's", "free", ours, None, False),
        ):
            with self.subTest(name):
                home = self.home / name
                put_state(home, jwt(application), "r1", membership=membership)
                put_tool(home, jwt(tool, "tool"), "r2")
                login = self.find(fake_host(home)).login
                wanted = (jwt(tool, "tool"), "r2") if tools_wins else (jwt(application), "r1")
                self.assertEqual((login.access_token, login.refresh_token), wanted)

    def test_never_mixed(self) -> None:
        """A refresh token of the one never goes with an access token of the other."""
        put_state(self.home, jwt())
        put_tool(self.home, jwt(), "refresh")
        self.assertIsNone(self.find().login.refresh_token)

    def test_spent(self) -> None:
        """An expired login of the application, which may not be renewed, leaves it to the tool."""
        put_state(self.home, jwt(seconds=-5), "refresh")
        put_tool(self.home, jwt(name="tool"))
        self.assertEqual(self.find().login.access_token, jwt(name="tool"))
        allowed = fake_host(self.home, refresh_credentials=True)
        self.assertEqual(self.find(allowed).login.access_token, jwt(seconds=-5))

    def test_both_spent(self) -> None:
        """Where neither is of use the application's is the one to tell of."""
        put_state(self.home, jwt(seconds=-5))
        put_tool(self.home, jwt(name="tool", seconds=-9))
        self.assertEqual(self.find().login.access_token, jwt(seconds=-5))

    def test_refresh_token_only(self) -> None:
        """A refresh token alone is a login where it may be spent, and else told of."""
        put_state(self.home, None, "refresh-PLANTED")
        allowed = fake_host(self.home, refresh_credentials=True)
        self.assertIsNone(self.find(allowed).login.access_token)
        message = self.missing(fake_host(self.home))
        self.assertTrue(message.startswith(LOGIN))
        self.assertIn("state.vscdb has a refresh token only", message)
        self.assertNotIn("PLANTED", message)

    def test_nothing(self) -> None:
        """Every place that was looked at is named, and nothing else of the machine."""
        for platform, names in (
            ("linux", ("~/.config/Cursor/User", "~/.config/cursor/auth.json")),
            ("darwin", ("~/Library", "keychain item cursor-access-token", "~/.cursor/auth.json")),
            ("win32", ("~/AppData/Roaming/Cursor/User", "~/AppData/Roaming/Cursor/auth.json")),
        ):
            with self.subTest(platform=platform):
                message = self.missing(fake_host(self.home, platform=platform))
                self.assertTrue(message.startswith(LOGIN))
                for name in names:
                    self.assertIn(name, message)
                self.assertNotIn(str(self.home), message)

    def test_unreadable_database(self) -> None:
        """A damaged database is none, and remarked."""
        path = self.home / ".config" / STATE
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no database" * 100)
        host = fake_host(self.home)

        self.assertIn("state.vscdb has no login", self.missing(host))
        self.assertIn("state.vscdb cannot be read", host.visit.notes[0])

    def test_no_table(self) -> None:
        """A database without the table, or without the keys, has no login."""
        put_state(self.home)
        self.assertIn("state.vscdb has no login", self.missing(fake_host(self.home)))

    def test_damaged_file(self) -> None:
        """A damaged file of the tool is told with what is wrong."""
        path = put_tool(self.home)
        self.assertIn("auth.json has no login", self.missing(fake_host(self.home)))
        path.write_text("{")
        self.assertIn("auth.json is no JSON object", self.missing(fake_host(self.home)))


class ParseLoginTests(SynchronousTestCase):
    """`parse_login`, `identity` and `user_id`."""

    def test_none(self) -> None:
        """What has no token that can be sent is no login."""
        for odd in (None, 5, True, "", " ", "a b", "ключ", ["x"], {"x": 1}):
            with self.subTest(odd=odd):
                self.assertIsNone(parse_login({"accessToken": odd, "refreshToken": odd}))

    def test_no_secret_shown(self) -> None:
        """No token is in what is printed of a login."""
        login = parse_login({"accessToken": "at-PLANTED", "refreshToken": "rt-PLANTED"})
        self.assertNotIn("PLANTED", repr(login))

    def test_opaque(self) -> None:
        """A token that is no JWT is one whose expiry nobody knows."""
        login = parse_login({"accessToken": "opaque"})
        assert login is not None
        self.assertIsNone(login.expires_at)

    def test_identity(self) -> None:
        """An account is known by its subject, else by the token that lasts longest."""
        for document, known in (
            ({"accessToken": jwt(name="x"), "refreshToken": "r"}, "google-oauth2|user_ada"),
            ({"accessToken": "opaque", "refreshToken": "r"}, "r"),
            ({"accessToken": "opaque"}, "opaque"),
        ):
            login = parse_login(document)
            assert login is not None
            self.assertEqual(identity(login), known)

    def test_user_id(self) -> None:
        """The website's id is what follows the first bar, else the whole subject."""
        for subject, user in (
            ("google-oauth2|user_abc", "user_abc"),
            ("a|b|c", "b"),
            ("user_abc", "user_abc"),
            ("google-oauth2|", None),
            ("", None),
            (" ", None),
            (5, None),
            (None, None),
        ):
            with self.subTest(subject=subject):
                self.assertEqual(user_id(jwt(subject)), user)
        self.assertIsNone(user_id("opaque"))
