"""Where the Codex provider finds logins, and what it makes of them."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.host.oauth import Tokens
from openusage.providers.codex.config import Config, read_config
from openusage.providers.codex.credentials import (
    AuthFile,
    AuthItem,
    OpenCodeFile,
    auth_files,
    auth_item,
    opencode_files,
)
from openusage.providers.codex.login import Login, Nothing, Stored, parse_login, parse_opencode
from openusage.testing import NOW, FakeKeychain, fake_host

CLAIMS = "https://api.openai.com/auth"


def jwt(expires_at: datetime | None = None, **claims: object) -> str:
    """A token that says of itself what `claims` say."""
    payload = {**claims, **({"exp": expires_at.timestamp()} if expires_at else {})}
    middle = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return f"e30.{middle}.c2ln"


def auth(access_token: str | None = "access", **tokens: object) -> dict[str, Any]:
    """The document that the CLI stores; `last_refresh` goes beside the tokens."""
    last_refresh = tokens.pop("last_refresh", None)
    return {
        "OPENAI_API_KEY": None,
        "tokens": {"access_token": access_token, **tokens},
        "last_refresh": last_refresh,
    }


def put(path: Path, content: Mapping[str, Any] | str) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def login(document: Mapping[str, Any]) -> Login:
    """The login in `document`."""
    stored = parse_login(json.dumps(document))
    assert isinstance(stored, Login)
    return stored


class ParseLoginTests(SynchronousTestCase):
    """`parse_login` and `parse_opencode`."""

    def test_all_parts(self) -> None:
        """Tokens, account, expiry and age are read; the document is kept whole."""
        document = {
            **auth(
                jwt(NOW),
                refresh_token="rt",
                account_id="acc",
                last_refresh="2026-11-20T08:05:37.123456789Z",
            ),
            "unknown": 1,
        }
        found = login(document)

        self.assertEqual(
            (found.access_token, found.refresh_token, found.account_id, found.expires_at),
            (jwt(NOW), "rt", "acc", NOW),
        )
        assert found.refreshed_at is not None
        self.assertEqual(found.refreshed_at.isoformat(), "2026-11-20T08:05:37.123000+00:00")
        self.assertEqual(found.document, document)

    def test_hex(self) -> None:
        """Hex of JSON is JSON, with or without its prefix."""
        text = json.dumps(auth()).encode().hex()
        for prefix in ("", "0x", "0X"):
            for written in (text, text.upper()):
                with self.subTest(prefix=prefix, written=written[:4]):
                    found = parse_login(f" {prefix}{written}\n")
                    assert isinstance(found, Login)
                    self.assertEqual(found.access_token, "access")

    def test_none(self) -> None:
        """What holds no token is no login, and says which key is wrong."""
        for text, expected in (
            ("", Nothing("is no JSON object")),
            ("{bad", Nothing("is no JSON object")),
            ("[]", Nothing("is no JSON object")),
            ('{"tokens":{}}', Nothing("has no tokens.access_token")),
            ('{"tokens":3}', Nothing("has no tokens.access_token")),
            ('{"tokens":{"access_token":" "}}', Nothing("has no tokens.access_token")),
            ('{"user":"me"}', Nothing("has no tokens.access_token")),
            ('{"OPENAI_API_KEY":" "}', Nothing("has no tokens.access_token")),
            ('{"OPENAI_API_KEY":"key"}', Nothing("has an API key only", api_key=True)),
            ('{"tokens":{"access_token":"a\\nb"}}', Nothing("has a broken tokens.access_token")),
            ('{"tokens":{"access_token":"ä"}}', Nothing("has a broken tokens.access_token")),
        ):
            with self.subTest(text=text):
                self.assertEqual(parse_login(text), expected)

    def test_unreadable_parts(self) -> None:
        """A login stands without the parts that make no sense."""
        found = login(auth("a.b.c", refresh_token=7, account_id="a b", last_refresh="yesterday"))

        self.assertEqual(
            (found.refresh_token, found.account_id, found.expires_at, found.refreshed_at),
            (None, None, None, None),
        )

    def test_senseless_expiry(self) -> None:
        """An expiry beyond the calendar, or that is no number, is none."""
        for exp in (1e300, "soon", None, True):
            with self.subTest(exp=exp):
                self.assertIsNone(login(auth(jwt(exp=exp))).expires_at)

    def test_opencode(self) -> None:
        """OpenCode's login is used without the refresh token, which is not ours to spend."""
        entry = {
            "type": "oauth",
            "access": "tok",
            "refresh": "rt",
            "expires": NOW.timestamp() * 1000,
            "accountId": "acc",
        }
        found = parse_opencode(json.dumps({"openai": entry, "zai": {}}))

        assert isinstance(found, Login)
        self.assertEqual(
            (found.access_token, found.refresh_token, found.account_id, found.expires_at),
            ("tok", None, "acc", NOW),
        )
        self.assertEqual(found.tool, "opencode")
        for other in ({}, {**entry, "type": "api"}, {"type": "oauth"}, {**entry, "access": "a b"}):
            with self.subTest(other=other):
                self.assertIsInstance(parse_opencode(json.dumps({"openai": other})), Nothing)
        self.assertIsInstance(parse_opencode("{bad"), Nothing)


class LoginTests(SynchronousTestCase):
    """`Login`."""

    def test_identity(self) -> None:
        """The identity outlives the tokens, and tells members of one workspace apart."""
        claims: dict[str, Any] = {CLAIMS: {"chatgpt_account_id": "acc"}, "sub": "ada"}
        same = [
            login(auth(jwt(NOW, **claims))),
            login(auth(jwt(NOW + timedelta(days=9), **claims), refresh_token="new")),
            login(auth("opaque", id_token=jwt(**claims))),
            login(auth(jwt(sub="ada"), account_id="acc")),
        ]
        self.assertEqual({found.identity for found in same}, {"acc|ada"})
        self.assertNotEqual(login(auth(jwt(sub="bob"), account_id="acc")).identity, "acc|ada")
        self.assertEqual(login(auth("a", account_id="acc")).identity, "acc")
        self.assertEqual(login(auth(jwt(sub="ada"))).identity, "ada")
        self.assertEqual(login(auth("a", refresh_token="rt")).identity, "rt")
        self.assertEqual(login(auth("a")).identity, "a")

    def test_due(self) -> None:
        """A login is renewed five minutes before its expiry, or after eight days if it has none."""
        for expires, refreshed, due in (
            (NOW + timedelta(minutes=6), "2000-01-01", False),
            (NOW + timedelta(minutes=5), NOW.isoformat(), True),
            (NOW - timedelta(days=1), NOW.isoformat(), True),
            (None, None, False),
            (None, "2000-01-01T00:00:00Z", True),
            (None, (NOW - timedelta(days=7)).isoformat(), False),
            (None, "garbage", False),
        ):
            with self.subTest(expires=expires, refreshed=refreshed):
                token = jwt(expires) if expires else "opaque"
                self.assertIs(login(auth(token, last_refresh=refreshed)).due(NOW), due)

    def test_renewed(self) -> None:
        """New tokens replace old ones in the document as well; every other key stays."""
        old = login({**auth("old", refresh_token="r1", account_id="acc", odd=1), "more": [2]})

        new = old.renewed(Tokens(jwt(NOW), None, "id"), NOW)

        self.assertEqual(
            new.document,
            {
                "OPENAI_API_KEY": None,
                "tokens": {
                    "access_token": jwt(NOW),
                    "refresh_token": "r1",
                    "account_id": "acc",
                    "odd": 1,
                    "id_token": "id",
                },
                "last_refresh": "2026-11-24T12:00:00.000Z",
                "more": [2],
            },
        )
        self.assertEqual(login(new.document), new)
        self.assertEqual(old.renewed(Tokens("a", "r2"), NOW).refresh_token, "r2")

    def test_secrets_stay_out_of_repr(self) -> None:
        """Nothing of a token shows when a login is printed."""
        text = repr(login(auth("SECRET", refresh_token="SECRET", account_id="SECRET")))
        self.assertNotIn("SECRET", text)


class SourceTests(SynchronousTestCase):
    """`AuthFile`, `AuthItem`, `OpenCodeFile` and the places where they are looked for."""

    def setUp(self) -> None:
        self.home = Path(self.mktemp()).absolute()
        self.home.mkdir()

    def host(self, env: Mapping[str, str] | None = None, **more: Any) -> Host:
        """A host in an empty home folder."""
        return fake_host(self.home, id="codex", env=env, **more)

    def read(self, source: AuthFile | AuthItem | OpenCodeFile, host: Host) -> Stored:
        """What the source holds."""
        stored: Stored = self.successResultOf(Deferred.fromCoroutine(source.read(host)))
        return stored

    def test_files(self) -> None:
        """`CODEX_HOME` names the only file; otherwise there are two, in a fixed order."""
        both = ["~/.config/codex/auth.json", "~/.codex/auth.json"]
        for value, labels, path in (
            (None, both, self.home / ".config/codex/auth.json"),
            ("   ", both, self.home / ".config/codex/auth.json"),
            ("/c", ["$CODEX_HOME/auth.json"], Path("/c/auth.json")),
            (" /c/ ", ["$CODEX_HOME/auth.json"], Path("/c/auth.json")),
            ("/c\\", ["$CODEX_HOME/auth.json"], Path("/c/auth.json")),
            ("/", ["$CODEX_HOME/auth.json"], Path("/auth.json")),
            ("~/x/", ["~/x/auth.json"], self.home / "x/auth.json"),
        ):
            with self.subTest(value=value):
                files = auth_files(self.host({} if value is None else {"CODEX_HOME": value}))
                self.assertEqual([file.label for file in files], labels)
                self.assertEqual(files[0].path, path)

    def test_file(self) -> None:
        """A file is read, and written with two spaces per level and its mode kept."""
        host = self.host()
        file = AuthFile(self.home / "auth.json", "~/auth.json")
        self.assertEqual(self.read(file, host), Nothing("was not found"))
        put(file.path, auth("one"))
        file.path.chmod(0o640)

        self.successResultOf(Deferred.fromCoroutine(file.write(host, auth("two"))))

        self.assertEqual(file.path.read_text(), json.dumps(auth("two"), indent=2))
        self.assertEqual(file.path.stat().st_mode & 0o777, 0o640)
        self.assertEqual(self.read(file, host), login(auth("two")))

    def test_unreadable_file(self) -> None:
        """A file that cannot be read is told from one that is missing."""
        file = AuthFile(self.home, "~")
        reason = f"cannot be read ({os.strerror(errno.EINVAL)})"
        self.assertEqual(self.read(file, self.host()), Nothing(reason))

    def test_keychain_on_macos(self) -> None:
        """The macOS item is found by service alone, may prompt, and is written on one line."""
        keychain = FakeKeychain({("Codex Auth", "cli|0123"): json.dumps(auth())})
        host = self.host(platform="darwin", keychain=keychain)
        item = self.successResultOf(Deferred.fromCoroutine(auth_item(host, Config())))
        assert item is not None

        self.assertEqual(self.read(item, host), login(auth()))
        self.successResultOf(Deferred.fromCoroutine(item.write(host, {"a": {"b": 1}})))

        self.assertEqual(keychain.prompted, [("Codex Auth", None)])
        self.assertEqual(keychain.saved, [("Codex Auth", None, '{"a":{"b":1}}')])

    def test_keyring_elsewhere(self) -> None:
        """Elsewhere the account is made from the home's real path, if the CLI uses a keyring."""
        real = self.home / "real"
        real.mkdir()
        (self.home / ".codex").symlink_to(real)
        for platform, prefix in (("linux", ""), ("win32", "\\\\?\\")):
            for store in ("keyring", "auto"):
                with self.subTest(platform=platform, store=store):
                    host = self.host(platform=platform)
                    item = self.successResultOf(
                        Deferred.fromCoroutine(auth_item(host, Config(store=store)))
                    )
                    digest = hashlib.sha256(f"{prefix}{real.resolve()}".encode()).hexdigest()
                    assert item is not None
                    self.assertEqual(item.account, f"cli|{digest[:16]}")
        for store in ("file", "ephemeral"):
            with self.subTest(store=store):
                work = auth_item(self.host(), Config(store=store))
                self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(work)))

    def test_opencode_files(self) -> None:
        """OpenCode's files follow `XDG_DATA_HOME`; with `CODEX_HOME` there are none."""
        usual = ["~/.local/share/opencode/auth.json", "~/.config/opencode/auth.json"]
        for env, labels in (
            ({}, usual),
            ({"XDG_DATA_HOME": "/data"}, ["$XDG_DATA_HOME/opencode/auth.json", *usual]),
            ({"XDG_DATA_HOME": "~/.local/share"}, usual),
            ({"CODEX_HOME": "/c"}, []),
        ):
            with self.subTest(env=env):
                files = opencode_files(self.host(env))
                self.assertEqual([file.label for file in files], labels)

    def test_opencode_is_never_written(self) -> None:
        """OpenCode's file is read only."""
        host = self.host()
        entry = {"type": "oauth", "access": "tok"}
        file = OpenCodeFile(put(self.home / "auth.json", {"openai": entry}), "~/auth.json")
        self.assertIsInstance(self.read(file, host), Login)

        self.failureResultOf(Deferred.fromCoroutine(file.write(host, {})), PermissionError)
        self.assertEqual(json.loads(file.path.read_text()), {"openai": entry})

    def test_paths_stay_out_of_repr(self) -> None:
        """A source shows its label, not its path."""
        file = AuthFile(Path("/secret/place/auth.json"), "$CODEX_HOME/auth.json")
        self.assertNotIn("/secret", repr(file))


class ReadConfigTests(SynchronousTestCase):
    """`read_config`."""

    def config(self, text: str | None, env: Mapping[str, str] | None = None) -> tuple[Config, Host]:
        """What `config.toml` with `text` says, and the host that noted what is wrong with it."""
        home = Path(self.mktemp())
        home.mkdir()
        host = fake_host(home, id="codex", env=env)
        if text is not None:
            put(home / ".codex" / "config.toml", text)
        return self.successResultOf(Deferred.fromCoroutine(read_config(host))), host

    def test_addresses(self) -> None:
        """A base is completed as the CLI would; ChatGPT's own is the default."""
        usual = "https://chatgpt.com/backend-api/wham/usage"
        for base, expected in (
            (None, usual),
            ("https://chatgpt.com", usual),
            ("https://chatgpt.com//", usual),
            (" https://chatgpt.com/backend-api/ ", usual),
            ("https://chat.openai.com", "https://chat.openai.com/backend-api/wham/usage"),
            ("https://proxy.example/backend-api", "https://proxy.example/backend-api/wham/usage"),
            ("https://proxy.example/x/", "https://proxy.example/x/api/codex/usage"),
            (
                "https://chatgpt.com.evil.example",
                "https://chatgpt.com.evil.example/api/codex/usage",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/codex/usage"),
            ("http://[::1]:8080", "http://[::1]:8080/api/codex/usage"),
        ):
            with self.subTest(base=base):
                text = "" if base is None else f'chatgpt_base_url = "{base}" # mine\n'
                config, host = self.config(text)
                self.assertEqual(config.usage_url, expected)
                self.assertEqual(host.visit.notes, [])

    def test_unsafe_addresses(self) -> None:
        """A token is sent by https only, or to this machine: other bases are noted and ignored."""
        for base in (
            "http://chatgpt.com",
            "ftp://chatgpt.com",
            "chatgpt.com",
            "https://",
            "https://[",
            "https://a b",
            "https://host:port",
        ):
            with self.subTest(base=base):
                config, host = self.config(f'chatgpt_base_url = "{base}"')
                self.assertEqual(config, Config())
                self.assertEqual(
                    host.visit.notes,
                    ["chatgpt_base_url in config.toml is no https address and was ignored"],
                )

    def test_resets_only_at_chatgpt(self) -> None:
        """Only ChatGPT's own kind of address is asked for the list of resets."""
        self.assertEqual(
            Config().resets_url, "https://chatgpt.com/backend-api/wham/rate-limit-reset-credits"
        )
        self.assertIsNone(Config("https://proxy.example").resets_url)

    def test_store(self) -> None:
        """The place of the login is the file unless the CLI says otherwise."""
        for text, in_keyring in (
            (None, False),
            ("", False),
            ('cli_auth_credentials_store = "keyring"', True),
            ('cli_auth_credentials_store = "auto"', True),
            ('cli_auth_credentials_store = "ephemeral"', False),
            ("cli_auth_credentials_store = 7", False),
            ('[profiles.x]\ncli_auth_credentials_store = "keyring"', False),
        ):
            with self.subTest(text=text):
                self.assertIs(self.config(text)[0].in_keyring, in_keyring)

    def test_broken(self) -> None:
        """A broken file is noted and ignored."""
        config, host = self.config('chatgpt_base_url = "https://proxy.example"\n= broken')

        self.assertEqual(config, Config())
        self.assertEqual(host.visit.notes, ["config.toml cannot be read and was ignored"])

    def test_in_codex_home(self) -> None:
        """The file lies in `CODEX_HOME`."""
        folder = Path(self.mktemp()).absolute()
        put(folder / "config.toml", 'chatgpt_base_url = "https://proxy.example"')
        config, _ = self.config("= broken", {"CODEX_HOME": str(folder)})
        self.assertEqual(config.base, "https://proxy.example")
