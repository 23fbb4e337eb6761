"""Where Antigravity's logins are stored, and what is read out of them."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.providers.antigravity.tokens import Damaged, Login, file_sources, sources
from openusage.providers.stored import Missing
from openusage.testing import FakeKeychain, fake_host
from tests.test_protobuf import data, integer

ITEM = ("gemini", "antigravity")
FILE = ".gemini/antigravity-cli/antigravity-oauth-token"
ACCESS = "ya29.PLANTED-0123456789"
REFRESH = "1//PLANTED-0123456789"
EXPIRY = "2026-11-24T13:00:00Z"
AT = datetime(2026, 11, 24, 13, tzinfo=timezone.utc)
USUAL = {"token": {"access_token": ACCESS, "refresh_token": REFRESH, "expiry": EXPIRY}}
KEY = "antigravityUnifiedStateSync.oauthToken"


def packed(message: bytes) -> bytes:
    return base64.b64encode(message)


def token_message(
    access: str | None = ACCESS, refresh: str | None = REFRESH, expiry: int | None = None
) -> bytes:
    """The message that has the tokens; what is `None` is left out."""
    parts = [] if access is None else [data(1, access.encode()), data(2, b"Bearer")]
    parts += [] if refresh is None else [data(3, refresh.encode())]
    parts += [] if expiry is None else [data(4, integer(1, expiry) + integer(2, 0))]
    return b"".join(parts)


def entry(message: bytes, name: bytes = b"oauthTokenInfoSentinelKey") -> bytes:
    """An entry of the map that is kept under one key of the database."""
    return data(1, data(1, name) + data(2, data(1, packed(message)) + integer(2, 1)))


def state_value(
    access: str | None = ACCESS, refresh: str | None = REFRESH, expiry: int | None = None
) -> str:
    """The value in a database that holds such a login."""
    return packed(entry(token_message(access, refresh, expiry))).decode()


def put_state(
    home: Path, value: str | bytes | None, app: str = "Antigravity", folder: str = ".config"
) -> Path:
    """Make an application's database."""
    path = home / folder / app / "User" / "globalStorage" / "state.vscdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE ItemTable (key TEXT UNIQUE, value BLOB)")
        if value is not None:
            connection.execute("INSERT INTO ItemTable VALUES (?, ?)", (KEY, value))
    return path


def put_file(home: Path, document: Any = USUAL) -> Path:
    """Make the file of `agy`; a text is put there as it is."""
    path = home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


class Case(SynchronousTestCase):
    """A person's machine, empty at first."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()
        self.keychain = FakeKeychain()
        self.platform = "linux"
        self.env: dict[str, str] = {}

    def host(self) -> Host:
        return fake_host(self.home, keychain=self.keychain, platform=self.platform, env=self.env)

    def read(self, host: Host | None = None) -> list[Login | Missing]:
        """What all places hold, best first."""
        return [
            self.successResultOf(Deferred.fromCoroutine(_awaited(source)))
            for source in sources(host or self.host())
        ]

    def login(self) -> Login:
        """The only login there is."""
        (login,) = [found for found in self.read() if isinstance(found, Login)]
        return login

    def missing(self) -> list[str]:
        """Why there is none, in every place."""
        found = self.read()
        self.assertFalse([each for each in found if isinstance(each, Login)])
        return [each.reason for each in found if isinstance(each, Missing)]


async def _awaited(source: Any) -> Login | Missing:
    found: Login | Missing = await source()
    return found


class KeyringTests(Case):
    """The keyring item of `agy`."""

    def keep(self, secret: str) -> None:
        self.keychain.items[ITEM] = secret

    def test_usual(self) -> None:
        """It holds both tokens and the expiry; on macOS it is wrapped as Go programs do."""
        wrapped = base64.b64encode(json.dumps(USUAL).encode()).decode()
        for secret in (
            json.dumps(USUAL),
            f"go-keyring-base64:{wrapped}",
            json.dumps(USUAL).encode().hex(),
        ):
            self.keep(secret)
            self.assertEqual(
                self.login(), Login(ACCESS, REFRESH, AT, "the keyring item gemini antigravity")
            )

    def test_asked(self) -> None:
        """It belongs to another program, so the person may be asked; it is only read."""
        self.keep(ACCESS)
        self.read()

        self.assertEqual(self.keychain.prompted, [ITEM])
        self.assertEqual(self.keychain.saved, [])

    def test_names(self) -> None:
        """The access token has one of many names, at the top or in one of a few objects."""
        for name in (
            *("access_token", "accessToken", "token", "id_token", "idToken"),
            *("bearerToken", "auth_token", "authToken"),
        ):
            self.keep(json.dumps({name: f" {ACCESS} "}))
            self.assertEqual(self.login().access_token, ACCESS, name)
        for name in ("token", "tokens", "oauth", "oauth2", "credentials", "auth"):
            self.keep(json.dumps({"other": 5, name: {"oauth": {"access_token": ACCESS}}}))
            self.assertEqual(self.login().access_token, ACCESS, name)

    def test_order(self) -> None:
        """The outer object goes before the inner ones, and blank texts are passed over."""
        self.keep(json.dumps({"access_token": "", "idToken": ACCESS, "token": {"token": "inner"}}))

        self.assertEqual(self.login().access_token, ACCESS)

    def test_camel_case(self) -> None:
        """Refresh token and expiry have several names as well."""
        for expiry in (
            {"expiry": EXPIRY},
            {"expires_at": AT.timestamp()},
            {"expiresAt": AT.timestamp() * 1000},
        ):
            self.keep(json.dumps({"accessToken": ACCESS, "refreshToken": REFRESH, **expiry}))
            login = self.login()
            self.assertEqual((login.refresh_token, login.expires_at), (REFRESH, AT), expiry)

    def test_unknown_expiry(self) -> None:
        """An expiry that is missing, cannot be read or is Go's zero is not known."""
        expiry: Any
        for expiry in (None, "", "soon", "0001-01-01T00:00:00Z", 0, {}, [5], True, 10**400):
            self.keep(json.dumps({"access_token": ACCESS, "expiry": expiry}))
            self.assertIsNone(self.login().expires_at, expiry)

    def test_text(self) -> None:
        """It may be the token alone, as text, as a JSON text, or behind `Bearer`."""
        for secret in (ACCESS, f" {ACCESS}\n", json.dumps(ACCESS), f"Bearer {ACCESS}"):
            self.keep(secret)
            self.assertEqual(self.login().access_token, ACCESS, secret)

    def test_damaged(self) -> None:
        """What is there and is no login is never sent."""
        for secret in (
            f'{{"token": {{"access_token": "{ACCESS}',
            f"[{ACCESS}",
            json.dumps([ACCESS]),
            "null",
            "true",
            "5",
            "{}",
            '""',
            "two words",
            "токен",
            "go-keyring-base64:###",
            "go-keyring-base64:",
            json.dumps({"owner": {"access_token": ACCESS}}),
            json.dumps({"access_token": "two words"}),
            json.dumps({"token": {}}),
            "[" * 100_000,
        ):
            self.keep(secret)
            found = self.read()[0]
            self.assertIsInstance(found, Damaged, secret[:100])
            assert isinstance(found, Damaged)
            self.assertNotIn("PLANTED", found.reason)

    def test_nested_too_deep(self) -> None:
        """A token at the bottom of too many objects is not looked for."""
        document: dict[str, Any] = {"access_token": ACCESS}
        for _ in range(50):
            document = {"token": document}
        self.keep(json.dumps(document))

        self.assertIsInstance(self.read()[0], Damaged)

    def test_missing(self) -> None:
        """Without an item, or the permission to read it, there is none."""
        for keychain in (FakeKeychain(), FakeKeychain(locked=True), FakeKeychain(background=True)):
            keychain.items = {} if keychain == FakeKeychain() else {ITEM: ACCESS}
            self.keychain = keychain
            self.assertEqual(
                self.missing()[0],
                "the keyring item gemini antigravity was not found, or may not be read",
            )


class FileTests(Case):
    """The file of `agy`."""

    def test_usual(self) -> None:
        """It holds the same as the item, on every system."""
        put_file(self.home)
        for platform in ("linux", "darwin", "win32"):
            self.platform = platform
            self.assertEqual(self.login(), Login(ACCESS, REFRESH, AT, f"~/{FILE}"))

    def test_damaged(self) -> None:
        """A file without a JSON object that has a token is named, and nothing of it."""
        for content in ("", "{", f'"{ACCESS}"', ACCESS, "null", {"owner": {"token": ACCESS}}):
            put_file(self.home, content)
            self.assertIn(f"~/{FILE} holds no token", self.missing(), content)

    def test_missing(self) -> None:
        """Without a file that is said."""
        self.assertIn(f"~/{FILE} was not found", self.missing())

    def test_unreadable(self) -> None:
        """A folder in its place is said to be one that cannot be read."""
        (self.home / FILE).mkdir(parents=True)

        self.assertTrue(any(f"~/{FILE} cannot be read" in reason for reason in self.missing()))


class StateTests(Case):
    """The state databases of the applications."""

    def test_systems(self) -> None:
        """They lie where the applications keep their state on each system."""
        for platform, folder in (
            ("linux", ".config"),
            ("darwin", "Library/Application Support"),
            ("win32", "AppData/Roaming"),
        ):
            self.setUp()
            self.platform = platform
            put_state(self.home, state_value(expiry=int(AT.timestamp())), folder=folder)
            login = self.login()
            self.assertEqual((login.access_token, login.refresh_token), (ACCESS, REFRESH))
            self.assertEqual(login.expires_at, AT)
            self.assertEqual(login.shown, f"~/{folder}/Antigravity/User/globalStorage/state.vscdb")

    def test_elsewhere(self) -> None:
        """The variables that name the folder are obeyed."""
        for platform, variable in (("linux", "XDG_CONFIG_HOME"), ("win32", "APPDATA")):
            self.setUp()
            self.platform = platform
            self.env = {variable: str(self.home / "elsewhere")}
            put_state(self.home, state_value(), folder="elsewhere")
            self.assertEqual(self.login().access_token, ACCESS)

    def test_both(self) -> None:
        """The IDE's database goes before the older one."""
        put_state(self.home, state_value("old"))
        put_state(self.home, state_value("new"), "Antigravity IDE")

        logins = [found for found in self.read() if isinstance(found, Login)]

        self.assertEqual([login.access_token for login in logins], ["new", "old"])

    def test_one_damaged(self) -> None:
        """When the IDE's holds nothing that can be read the older one is used."""
        put_state(self.home, state_value())
        put_state(self.home, "###", "Antigravity IDE")

        self.assertEqual(self.login().shown.split("/")[2], "Antigravity")

    def test_parts(self) -> None:
        """Each token is enough, and the expiry may be missing."""
        for value, access, refresh in (
            (state_value(refresh=None), ACCESS, None),
            (state_value(access=None), None, REFRESH),
            (state_value(access=""), None, REFRESH),
            (state_value(expiry=0), ACCESS, REFRESH),
            (state_value(expiry=2**63), ACCESS, REFRESH),
            (f"\n{state_value()} ", ACCESS, REFRESH),
        ):
            self.setUp()
            put_state(self.home, value)
            login = self.login()
            self.assertEqual((login.access_token, login.refresh_token), (access, refresh))
            self.assertIsNone(login.expires_at)

    def test_blob(self) -> None:
        """The value may be stored as bytes."""
        put_state(self.home, state_value().encode())

        self.assertEqual(self.login().access_token, ACCESS)

    def test_other_entries(self) -> None:
        """Entries of other kinds are passed over, before and behind."""
        other = entry(token_message("other"), b"anotherSentinelKey")
        value = integer(7, 5) + other + entry(token_message()) + other
        put_state(self.home, packed(value).decode())

        self.assertEqual(self.login().access_token, ACCESS)

    def test_damaged(self) -> None:
        """What cannot be decoded on any level is no login."""
        token = token_message()
        row = data(1, packed(token))
        sentinel = data(1, b"oauthTokenInfoSentinelKey")
        for value in (
            b"",
            data(1, sentinel),
            data(1, sentinel + data(2, b"\xff")),
            data(1, sentinel + data(2, data(1, b"###"))),
            data(1, sentinel + data(2, data(1, token))),  # not in base64
            data(1, data(1, b"oauthTokenInfoSentinelKeys") + data(2, row)),
            data(1, data(2, row)),
            integer(1, 5),
            entry(token)[:-3],
            entry(token[:-3]),
            entry(b""),
            entry(token_message("two words", None)),
        ):
            self.setUp()
            put_state(self.home, packed(value).decode())
            self.assertEqual(len(self.missing()), 4, value)
        for text in ("", "###", "токен", state_value()[:-1]):
            self.setUp()
            put_state(self.home, text)
            self.assertEqual(len(self.missing()), 4, text)

    def test_no_value(self) -> None:
        """A database without the key, or that is none, has no login; the latter is remarked."""
        path = put_state(self.home, None)
        host = self.host()
        self.assertNotIsInstance(self.read(host)[3], Login)
        self.assertEqual(host.visit.notes, [])
        path.write_text("no database")
        self.assertNotIsInstance(self.read(host)[3], Login)
        (note,) = host.visit.notes
        self.assertIn("~/.config/Antigravity/User/globalStorage/state.vscdb", note)

    def test_watched(self) -> None:
        """A database is watched until there is a login in it: it is written all the time."""
        path = put_state(self.home, state_value())
        host = self.host()
        self.read(host)

        self.assertNotIn(path, host.visit.watched)
        self.assertEqual({each.parts[-4] for each in host.visit.watched}, {"Antigravity IDE"})

    def test_only_read(self) -> None:
        """Nothing is written, nor made beside it."""
        path = put_state(self.home, state_value())
        before = path.read_bytes()
        self.read()

        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(list(path.parent.iterdir()), [path])


class SourcesTests(Case):
    """`sources` and `file_sources`."""

    def test_order(self) -> None:
        """What is kept today goes before what old versions have left behind."""
        self.keychain.items[ITEM] = "from-item"
        put_file(self.home, {"token": "from-file"})
        put_state(self.home, state_value("from-state"))

        logins = [found for found in self.read() if isinstance(found, Login)]

        self.assertEqual(
            [login.access_token for login in logins], ["from-item", "from-file", "from-state"]
        )

    def test_files(self) -> None:
        """Those that a detection may look at ask no keyring."""
        for source in file_sources(self.host()):
            self.successResultOf(Deferred.fromCoroutine(_awaited(source)))

        self.assertEqual(self.keychain.asked, [])

    def test_private(self) -> None:
        """No token is in the `repr` of a login."""
        put_file(self.home)

        self.assertNotIn("PLANTED", repr(self.login()))

    def test_identity(self) -> None:
        """A login is known by its refresh token, which stays when the access token changes."""
        self.assertEqual(Login("a", REFRESH, None, "").identity, REFRESH)
        self.assertEqual(Login("a", None, None, "").identity, "a")

    @settings(deadline=None, max_examples=100)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["token", "tokens", "access_token", "refresh_token", "expiry", "x"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=15,
        )
    )
    def test_anything(self, document: Any) -> None:
        """Any JSON in the item is a login that can be sent, or damaged."""
        keychain = FakeKeychain({ITEM: json.dumps(document)})
        source = sources(fake_host(Path("nowhere"), keychain=keychain))[0]

        found = self.successResultOf(Deferred.fromCoroutine(_awaited(source)))

        if isinstance(found, Login):
            for token in (found.access_token, found.refresh_token):
                self.assertTrue(token is None or (token.isascii() and " " not in token and token))
        else:
            self.assertIsInstance(found, Damaged)
