"""Tests for `openusage.providers.factory`: where its login lies, and how it is renewed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText

from openusage.host import Response
from openusage.host.files import Files
from openusage.host.keychain import KeychainError
from openusage.host.sealed import seal, unseal
from openusage.model import NotLoggedInError, TokenExpiredError, UnreachableError
from openusage.providers.factory.stores import files
from openusage.testing import run_inline
from tests.test_factory import (
    API_KEY,
    ENV,
    LINES,
    NEW,
    NEW_REFRESH,
    OLD,
    RATES,
    REFRESH,
    SEALING_KEY,
    TOKEN,
    TOKEN_EXPIRED,
    USAGE,
    Case,
    jwt,
    login,
)

NOT_LOGGED_IN = "Not logged in. Run `droid` to authenticate."
INVALID = "Invalid auth file. Run `droid` to authenticate."
SESSION_EXPIRED = "Session expired. Run `droid` to log in again."
KEYRING = ("Factory CLI", "auth-encryption-key")
KEYCHAIN = ("Factory CLI", "auth-encryption-key-security-cli")
BOUGHT = {"access_token": NEW, "refresh_token": NEW_REFRESH, "user": {"id": "user_1"}}
OTHER_KEY = SEALING_KEY[::-1][1:] + "="


class StoreCase(Case):
    """Where a login is found."""

    def used(self, **more: Any) -> str:
        """The token that goes to the service."""
        self.usage()
        self.limits()
        self.assertEqual(self.probe(**more).lines, LINES)
        return self.sent()[-1].removeprefix("limits ")

    def missing(self, **more: Any) -> str:
        """What is said when there is no login; nothing is sent."""
        message = self.failure(NotLoggedInError, **more)
        self.assertEqual(self.http.requests, [])
        return message


class NotLoggedInTests(StoreCase):
    """`Factory.probe` without a login."""

    def test_nothing(self) -> None:
        """The error names every place that was looked at, on each system its own."""
        always = (
            "~/.factory/auth.v2.file was not found",
            "~/.factory/auth.v2.keyring was not found",
            "~/.factory/auth.encrypted was not found",
            "~/.factory/auth.json was not found",
            "FACTORY_API_KEY is not set",
        )
        for platform, more in (
            ("linux", ()),
            ("win32", ()),
            (
                "darwin",
                (
                    "~/.factory/auth.v2.loginkeychain was not found",
                    "the keychain item Factory Token was not found, or may not be read",
                    "the keychain item Droid Auth was not found, or may not be read",
                ),
            ),
        ):
            with self.subTest(platform=platform):
                message = self.missing(platform=platform)
                self.assertTrue(message.startswith(NOT_LOGGED_IN), message)
                for place in (*always, *more):
                    self.assertIn(place, message)
                self.assertEqual("keychain" in message, platform == "darwin")

    def test_locked(self) -> None:
        """A keychain that cannot be had is as good as none."""
        self.keychain.locked = True
        self.assertIn(NOT_LOGGED_IN, self.missing(platform="darwin"))

    def test_damaged(self) -> None:
        """A file that cannot be understood is none."""
        for text in ("{bad", "", "[]", '"text"', "a.b", "7b", "{}", '{"foo": "bar"}'):
            with self.subTest(text=text):
                self.setUp()
                self.write(".factory/auth.json", text)
                message = self.missing()
                self.assertIn(NOT_LOGGED_IN, message)
                self.assertIn("~/.factory/auth.json holds no login", message)

    def test_refresh_token_only(self) -> None:
        """A file without access token is told as invalid, and nothing is renewed."""
        for document in (login(None), login(""), login("to ken"), {"tokens": login(None)}):
            with self.subTest(document=document):
                self.setUp()
                self.write(".factory/auth.json", document)
                message = self.missing(refresh_credentials=True)
                self.assertIn(INVALID, message)
                self.assertIn("~/.factory/auth.json has no access token", message)

    def test_refresh_token_only_in_the_keychain(self) -> None:
        """An item without access token is none."""
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login(None))
        self.assertIn(NOT_LOGGED_IN, self.missing(platform="darwin", refresh_credentials=True))

    def test_no_key(self) -> None:
        """A sealed file without its key, or with another one, is none; the error says which."""
        self.put_sealed(login())
        (self.home / ".factory/auth.v2.key").unlink()
        self.assertIn(
            "~/.factory/auth.v2.file cannot be opened without ~/.factory/auth.v2.key",
            self.missing(),
        )
        self.write(".factory/auth.v2.key", OTHER_KEY)
        self.assertIn(
            "~/.factory/auth.v2.file cannot be opened with ~/.factory/auth.v2.key",
            self.missing(),
        )

    def test_no_key_in_the_keyring(self) -> None:
        """The same where the key is in a keyring."""
        self.put_sealed(login(), "auth.v2.keyring")
        place = "the keyring's item Factory CLI"
        message = self.missing()
        self.assertIn(f"~/.factory/auth.v2.keyring cannot be opened without {place}", message)
        self.keychain.items[KEYRING] = OTHER_KEY
        message = self.missing()
        self.assertIn(f"~/.factory/auth.v2.keyring cannot be opened with {place}", message)

    def test_watched(self) -> None:
        """Every file is watched, so that a login is noticed when it comes."""
        host = self.host(platform="darwin")
        self.failure(NotLoggedInError, host)
        names = {path.name for path in host.visit.watched}
        self.assertEqual(
            names,
            {
                *("auth.v2.file", "auth.v2.key", "auth.v2.loginkeychain", "auth.v2.keyring"),
                *("auth.encrypted", "auth.json", ".env"),
            },
        )


class PlainFileTests(StoreCase):
    """Logins in plain files."""

    def test_forms(self) -> None:
        """A login is JSON or its hex form, in either case, flat or in `tokens`; or a bare JWT."""
        text = json.dumps(login())
        for form in (
            text,
            f"\ufeff {text}\n",
            text.encode().hex(),
            f"0x{text.encode().hex()}",
            f"0X{text.encode().hex().upper()}\n",
            json.dumps({"accessToken": OLD}),
            json.dumps({"tokens": {"access_token": OLD}}),
            json.dumps({"tokens": {"accessToken": OLD}}),
            json.dumps({"access_token": " ", "accessToken": OLD}),
            json.dumps({"access_token": OLD, "accessToken": NEW, "tokens": {"access_token": NEW}}),
            OLD,
            f" {OLD}\n",
            json.dumps(OLD),
        ):
            for name in ("auth.json", "auth.encrypted"):
                with self.subTest(form=form, name=name):
                    self.setUp()
                    self.write(f".factory/{name}", form)
                    self.assertEqual(self.used(), OLD)

    def test_opaque(self) -> None:
        """A token that does not say when it expires is used without refresh token, as it is."""
        for form in ("header.payload.signature", '"header.payload.signature"'):
            for refresh in (False, True):
                self.setUp()
                self.write(".factory/auth.json", form)
                self.assertEqual(self.used(refresh_credentials=refresh), "header.payload.signature")

    def test_order(self) -> None:
        """The older name goes before, and what lies in the other file is not even renewed."""
        self.write(".factory/auth.encrypted", login())
        self.write(".factory/auth.json", login(jwt(-1), refresh_token=NEW_REFRESH))
        self.assertEqual(self.used(refresh_credentials=True), OLD)
        self.assertEqual(len(self.http.requests), 2)

    def test_expired_first(self) -> None:
        """A login that has expired is passed over for one that has not."""
        self.write(".factory/auth.encrypted", login(jwt(-1)))
        self.write(".factory/auth.json", login(NEW))
        self.assertEqual(self.used(refresh_credentials=True), NEW)

    def test_expired(self) -> None:
        """Where nothing may be renewed an expired login is not sent; the error says what helps."""
        self.write(".factory/auth.json", login(jwt(-3)))
        message = self.failure(TokenExpiredError)
        self.assertEqual(message, "Token expired 3 h ago. Run `droid` once to renew it.")
        self.assertEqual(self.http.requests, [])


class SealedFileTests(StoreCase):
    """Logins in sealed files."""

    def test_file(self) -> None:
        """A sealed file beside its key is used on every system, whatever else there is."""
        for platform in ("linux", "darwin", "win32"):
            self.setUp()
            self.put_sealed(login())
            self.write(".factory/auth.encrypted", login(jwt(-1)))
            self.assertEqual(self.used(platform=platform, refresh_credentials=True), OLD)
            self.assertEqual(len(self.http.requests), 2)
            self.assertEqual(self.keychain.asked, [])

    def test_fallback(self) -> None:
        """A sealed file that cannot be opened, or holds no login, costs that file only."""
        for content, key in (
            ("bad:envelope", "bad-key"),
            (seal(json.dumps(login(NEW)), SEALING_KEY), "bad-key"),
            (seal('{"foo":"bar"}', SEALING_KEY), SEALING_KEY),
            (seal("[1]", SEALING_KEY), SEALING_KEY),
        ):
            with self.subTest(content=content):
                self.setUp()
                self.write(".factory/auth.v2.file", content)
                self.write(".factory/auth.v2.key", key)
                self.write(".factory/auth.encrypted", login())
                self.assertEqual(self.used(), OLD)

    def test_keyring(self) -> None:
        """A key may be in the system's keyring, under the name that each system gives it."""
        for platform, item in (
            ("linux", KEYRING),
            ("linux", ("Factory CLI", None)),
            ("win32", KEYRING),
            ("win32", ("Factory CLI/auth-encryption-key", None)),
            ("darwin", KEYRING),
        ):
            with self.subTest(platform=platform, item=item):
                self.setUp()
                self.put_sealed(login(), "auth.v2.keyring")
                self.keychain.items[item] = SEALING_KEY
                self.assertEqual(self.used(platform=platform), OLD)

    def test_login_keychain(self) -> None:
        """On macOS, and only there, a file goes with a key in the login keychain."""
        self.put_sealed(login(), "auth.v2.loginkeychain")
        self.keychain.items[KEYCHAIN] = SEALING_KEY
        self.assertIn(NOT_LOGGED_IN, self.missing(platform="linux"))
        self.assertEqual(self.used(platform="darwin"), OLD)
        self.assertIn(KEYCHAIN, self.keychain.prompted)

    def test_no_keyring(self) -> None:
        """`FACTORY_DISABLE_KEYRING` keeps us from every keyring, as it does the CLI."""
        for name, item in (
            ("auth.v2.keyring", KEYRING),
            ("auth.v2.loginkeychain", KEYCHAIN),
            ("auth.v2.none", ("Factory Token", "ada")),
        ):
            self.setUp()
            self.put_sealed(login(), name)
            text = json.dumps(login()) if item[0] == "Factory Token" else SEALING_KEY
            self.keychain.items[item] = text
            env = {"FACTORY_DISABLE_KEYRING": "1"}
            self.assertIn(NOT_LOGGED_IN, self.missing(platform="darwin", env=env))
            self.assertEqual(self.keychain.asked, [])

    def test_home(self) -> None:
        """`FACTORY_HOME_OVERRIDE` names the folder that has `.factory` in it."""
        self.write(".factory/auth.json", login())
        elsewhere = Path(self.mktemp()).absolute()
        env = {"FACTORY_HOME_OVERRIDE": f"{elsewhere}/"}
        message = self.missing(env=env)
        self.assertIn("$FACTORY_HOME_OVERRIDE/.factory/auth.json was not found", message)
        self.assertNotIn(str(elsewhere), message)
        (elsewhere / ".factory").mkdir(parents=True)
        (elsewhere / ".factory" / "auth.json").write_text(json.dumps(login(NEW)))
        self.assertEqual(self.used(env=env), NEW)


class KeychainTests(StoreCase):
    """Logins in the macOS keychain."""

    def test_forms(self) -> None:
        """An item is JSON or its hex form; one that is neither costs that item only."""
        text = json.dumps(login())
        for items in (
            {"Factory Token": text},
            {"Factory Token": text.encode().hex()},
            {"Factory Token": f"0X{text.encode().hex().upper()}"},
            {"Factory Token": OLD},
            {"Factory Token": "not-json", "Factory token": text},
            {"Factory Auth": text, "Droid Auth": json.dumps(login(NEW))},
            {"Droid Auth": text},
        ):
            with self.subTest(items=items):
                self.setUp()
                self.keychain.items = {(name, "ada"): value for name, value in items.items()}
                self.assertEqual(self.used(platform="darwin"), OLD)

    def test_other_systems(self) -> None:
        """Elsewhere there are no such items."""
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login())
        for platform in ("linux", "win32"):
            self.missing(platform=platform)
            self.assertEqual(self.keychain.asked, [])

    def test_files_first(self) -> None:
        """Where a file holds a good login no dialog is shown."""
        self.write(".factory/auth.json", login())
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login(NEW))
        self.assertEqual(self.used(platform="darwin"), OLD)
        self.assertEqual(self.keychain.prompted, [])


class DetectTests(StoreCase):
    """`Factory.detect`."""

    def test_files(self) -> None:
        """Each file with a login is found, named as the person knows it."""
        for name in ("auth.json", "auth.encrypted"):
            self.write(f".factory/{name}", login(None))
            self.assertEqual(self.detected(), f"~/.factory/{name}")
        self.put_sealed(login(), "auth.v2.keyring")
        self.assertEqual(self.detected(), "~/.factory/auth.v2.keyring")
        self.put_sealed(login(), "auth.v2.loginkeychain")
        self.assertEqual(self.detected(), "~/.factory/auth.v2.keyring")
        self.assertEqual(self.detected(platform="darwin"), "~/.factory/auth.v2.loginkeychain")
        self.put_sealed(login())
        self.assertEqual(self.detected(), "~/.factory/auth.v2.file")

    def test_keys(self) -> None:
        """An API key is found where it is."""
        self.assertEqual(self.detected(env=ENV), "FACTORY_API_KEY")
        self.write(".factory/.env", f"FACTORY_API_KEY={API_KEY}")
        self.assertEqual(self.detected(), "~/.factory/.env")

    def test_nothing(self) -> None:
        """What cannot be a login is none."""
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login())
        self.write(".factory/auth.v2.keyring", "not:sealed")
        self.write(".factory/auth.v2.file", "a:b:c")
        self.write(".factory/auth.json", "{")
        self.write(".factory/.env", "FACTORY_API_KEY=\nFACTORY_API_KEY=two words")
        self.assertIsNone(self.detected(platform="darwin"))
        self.assertIsNone(self.detected(env={"FACTORY_API_KEY": " "}))


class RenewingTests(Case):
    """`Factory.probe` where the person allowed it to renew the login."""

    def renewed(self, body: Any = BOUGHT, **more: Any) -> list[str]:
        """All requests of a probe that renews the login first and then succeeds."""
        self.refreshed(body)
        self.usage()
        self.limits()
        self.assertEqual(self.probe(refresh_credentials=True, **more).lines, LINES)
        return self.sent()

    def test_sealed(self) -> None:
        """A sealed login is sealed again with the same key; nothing else is written."""
        path = self.put_sealed(login(jwt(12), extra={"kept": 1}))
        path.chmod(0o640)
        before = path.read_text()
        self.assertEqual(self.renewed(), [f"refresh {REFRESH}", f"POST {NEW}", f"limits {NEW}"])

        text = unseal(path.read_text(), SEALING_KEY) or ""
        document = login(NEW, refresh_token=NEW_REFRESH, extra={"kept": 1})
        self.assertEqual(text, json.dumps(document, indent=2))
        self.assertNotEqual(path.read_text().split(":")[0], before.split(":")[0])
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        self.assertEqual((self.home / ".factory/auth.v2.key").read_text(), SEALING_KEY + "\n")
        self.assertEqual(
            {path.name for path in (self.home / ".factory").iterdir()},
            {"auth.v2.file", "auth.v2.key"},
        )

    def test_keyring(self) -> None:
        """The same where the key is in a keyring, which is left as it is."""
        path = self.put_sealed(login(jwt(12)), "auth.v2.keyring")
        self.keychain.items[KEYRING] = SEALING_KEY
        self.renewed()
        stored = json.loads(unseal(path.read_text(), SEALING_KEY) or "")
        self.assertEqual(stored, login(NEW, refresh_token=NEW_REFRESH))
        self.assertEqual(self.keychain.saved, [])

    def test_plain(self) -> None:
        """A plain login is written back with every other key, in the spelling that it had."""
        old = jwt(12)
        for before, after in (
            (login(old), login(NEW, refresh_token=NEW_REFRESH)),
            (
                {"accessToken": old, "refreshToken": REFRESH, "region": "eu"},
                {"accessToken": NEW, "refreshToken": NEW_REFRESH, "region": "eu"},
            ),
            (
                {"tokens": {"accessToken": old, "refresh_token": REFRESH, "n": 1}, "m": 2},
                {"tokens": {"accessToken": NEW, "refresh_token": NEW_REFRESH, "n": 1}, "m": 2},
            ),
            (
                {"access_token": old, "tokens": {"refreshToken": REFRESH}},
                {"access_token": NEW, "tokens": {"refreshToken": NEW_REFRESH}},
            ),
            (
                {"access_token": "", "accessToken": old, "refresh_token": REFRESH},
                {"access_token": "", "accessToken": NEW, "refresh_token": NEW_REFRESH},
            ),
        ):
            for name in ("auth.encrypted", "auth.json"):
                with self.subTest(before=before):
                    self.setUp()
                    path = self.write(f".factory/{name}", before)
                    self.renewed()
                    self.assertEqual(path.read_text(), json.dumps(after, indent=2))

    def test_no_new_refresh_token(self) -> None:
        """A refresh token that is not replaced stays."""
        path = self.write(".factory/auth.json", login(jwt(12)))
        self.renewed({"access_token": NEW})
        self.assertEqual(json.loads(path.read_text()), login(NEW))

    def test_keychain(self) -> None:
        """A login in the keychain is saved once, in the same item, on one line."""
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login(jwt(12)))
        self.renewed(platform="darwin")
        document = login(NEW, refresh_token=NEW_REFRESH)
        text = json.dumps(document, separators=(",", ":"))
        self.assertEqual(self.keychain.saved, [("Factory Token", None, text)])
        self.assertEqual(self.keychain.items[("Factory Token", "ada")], text)

    def test_request(self) -> None:
        """A refresh is a form that names the client to whom the token was given."""
        for claims, client in (
            ({}, "client_01HNM792M5G5G1A2THWPXKFMXB"),
            ({"client_id": "client_other"}, "client_other"),
        ):
            self.setUp()
            self.write(
                ".factory/auth.json", login(jwt(12, **claims), refresh_token="rt/with+odd=signs")
            )
            self.renewed()
            request = self.http.requests[0]
            self.assertEqual((request.method, request.url), ("POST", TOKEN))
            self.assertEqual(
                parse_qs((request.body or b"").decode()),
                {
                    "grant_type": ["refresh_token"],
                    "refresh_token": ["rt/with+odd=signs"],
                    "client_id": [client],
                },
            )
            self.assertEqual(request.headers["content-type"], "application/x-www-form-urlencoded")
            self.assertEqual(request.timeout, 15.0)

    def test_due(self) -> None:
        """It is due a day before it expires, and when nobody knows when that is."""
        for token, due in (
            (jwt(24), True),
            (jwt(24.1), False),
            (jwt(None), True),
            ("opaque", True),
        ):
            with self.subTest(token=token):
                self.setUp()
                self.write(".factory/auth.json", login(token))
                if due:
                    self.refreshed(BOUGHT)
                self.usage()
                self.limits()
                self.probe(refresh_credentials=True)
                self.assertEqual(self.sent()[-1], f"limits {NEW if due else token}")

    def test_no_refresh_token(self) -> None:
        """Without a refresh token the login is used as it is."""
        token = jwt(12)
        self.write(".factory/auth.json", login(token, refresh_token=None))
        self.usage()
        self.limits()
        self.probe(refresh_credentials=True)
        self.assertEqual(self.sent(), [f"POST {token}", f"limits {token}"])

    def test_no_new_token(self) -> None:
        """When the refresh buys nothing a login that is still good is used as it is."""
        outcomes: tuple[tuple[Any, int], ...] = (
            ({"error": "invalid_grant"}, 400),
            ("", 401),
            ("", 500),
            ("not-json", 200),
            ({}, 200),
            (None, 0),
        )
        for body, status in outcomes:
            with self.subTest(body=body, status=status):
                self.setUp()
                token = jwt(12)
                path = self.write(".factory/auth.json", login(token))
                if status:
                    self.refreshed(body, status)
                else:
                    self.http.fail("POST", TOKEN, UnreachableError("reset"))
                self.usage()
                self.limits()
                self.assertEqual(self.probe(refresh_credentials=True).lines, LINES)
                self.assertEqual(
                    self.sent(), [f"refresh {REFRESH}", f"POST {token}", f"limits {token}"]
                )
                self.assertEqual(json.loads(path.read_text()), login(token))

    def test_session_expired(self) -> None:
        """A login that is not known to be good ends with its refresh token, which is sent once."""
        for token in (jwt(-0.3), "opaque"):
            with self.subTest(token=token):
                self.setUp()
                self.write(".factory/auth.json", login(token))
                self.refreshed({"error": "invalid_grant"}, 401)
                self.assertEqual(
                    self.failure(TokenExpiredError, refresh_credentials=True), SESSION_EXPIRED
                )
                self.clock.advance(61)
                self.assertEqual(
                    self.failure(TokenExpiredError, refresh_credentials=True), SESSION_EXPIRED
                )
                self.assertEqual(self.sent(), [f"refresh {REFRESH}"])

    def test_refused_by_the_service(self) -> None:
        """A login that the service refuses is renewed once and asked with again, by POST first."""
        path = self.write(".factory/auth.json", login())
        self.usage("", 401)
        self.assertEqual(
            self.renewed(),
            [f"POST {OLD}", f"refresh {REFRESH}", f"POST {NEW}", f"limits {NEW}"],
        )
        self.assertEqual(json.loads(path.read_text()), login(NEW, refresh_token=NEW_REFRESH))

    def test_refused_for_good(self) -> None:
        """A refresh token that is refused then ends the session too."""
        self.write(".factory/auth.json", login())
        self.usage("", 401)
        self.refreshed({"error": "invalid_grant"}, 400)
        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), SESSION_EXPIRED)

    def test_refused_again(self) -> None:
        """A new token that is refused too is the end."""
        self.write(".factory/auth.json", login())
        self.usage("", 403)
        self.refreshed(BOUGHT)
        self.usage("", 403)
        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=True), TOKEN_EXPIRED)

    def test_network_after_refresh(self) -> None:
        """Trouble with the network after a refresh is told as such."""
        self.write(".factory/auth.json", login())
        self.usage("", 401)
        self.refreshed(BOUGHT)
        self.http.fail("POST", USAGE, UnreachableError("reset"))
        message = self.failure(UnreachableError, refresh_credentials=True)
        self.assertEqual(message, "Usage request failed after refresh. Try again.")

    def test_rotated_meanwhile(self) -> None:
        """A login that the CLI renewed meanwhile is used, and nothing is spent."""
        self.put_sealed(login())
        waiting = self.http.hang("POST", USAGE)
        work = self.start(refresh_credentials=True)
        self.put_sealed(login(NEW, refresh_token=NEW_REFRESH))
        self.usage()
        self.limits()
        waiting.callback(Response(401, {}, b""))
        self.assertEqual(self.successResultOf(work).lines, LINES)
        self.assertEqual(self.sent(), [f"POST {OLD}", f"POST {NEW}", f"limits {NEW}"])

    def test_key_stands_in(self) -> None:
        """Where the session has ended an API key still tells the limits."""
        self.write(".factory/auth.json", login(jwt(-1)))
        self.refreshed({"error": "invalid_grant"}, 400)
        self.limits(RATES)
        self.probe(refresh_credentials=True, env=ENV)
        self.assertEqual(self.sent(), [f"refresh {REFRESH}", f"limits {API_KEY}"])

    def test_not_saved(self) -> None:
        """A write that fails is logged, and the new token used all the same."""
        for document in (self.put_sealed, lambda stored: self.write(".factory/auth.json", stored)):
            self.setUp()
            document(login(jwt(12)))
            self.refreshed(BOUGHT)
            self.usage()
            self.limits()
            host = evolve(self.host(refresh_credentials=True), files=ReadOnlyFiles(run_inline))
            with capturedLogs() as events:
                self.assertEqual(self.probe(host).lines, LINES)
            self.assertEqual(self.sent()[-1], f"limits {NEW}")
            (event,) = events
            self.assertIn("could not be saved", eventAsText(event))

    def test_keychain_read_only(self) -> None:
        """The same in a keychain that takes nothing."""
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login(jwt(12)))
        self.keychain.read_only = True
        with capturedLogs() as events:
            self.renewed(platform="darwin")
        self.assertIn("could not be saved", eventAsText(events[0]))

    def test_key_gone(self) -> None:
        """A key that goes away during the refresh keeps the login from being sealed again."""
        path = self.put_sealed(login(jwt(12)), "auth.v2.keyring")
        before = path.read_bytes()
        self.keychain.items[KEYRING] = SEALING_KEY
        waiting = self.http.hang("POST", TOKEN)
        self.usage()
        self.limits()
        work = self.start(refresh_credentials=True)
        self.keychain.items.clear()
        with capturedLogs() as events:
            waiting.callback(Response(200, {}, json.dumps(BOUGHT).encode()))
        self.assertEqual(self.successResultOf(work).lines, LINES)
        self.assertEqual(path.read_bytes(), before)
        self.assertIn("changed during refresh", eventAsText(events[0]))

    def test_sealed_without_key(self) -> None:
        """Without its key nothing is sealed, and what was there stays."""
        path = self.put_sealed(login(), "auth.v2.keyring")
        before = path.read_bytes()
        (store,) = (file for file in files(self.host()) if file.path == path)
        self.failureResultOf(Deferred.fromCoroutine(store.write(login(NEW))), KeychainError)
        self.assertEqual(path.read_bytes(), before)

    def test_cannot_be_saved(self) -> None:
        """Where a new login could not be saved nothing is spent, and a note says so."""
        self.put_sealed(login(jwt(12)))
        self.patch(os, "access", lambda *_: False)
        self.usage()
        self.limits()
        host = self.host(refresh_credentials=True)
        self.probe(host)
        self.assertEqual(len(self.http.requests), 2)
        self.assertEqual(host.visit.notes, ["Login not renewed: its file cannot be replaced."])

    def test_too_long(self) -> None:
        """Nor is it for an item that would be too long."""
        token = jwt(12, padding="x" * 4000)
        self.keychain.items[("Factory Token", "ada")] = json.dumps(login(token))
        self.usage()
        self.limits()
        self.probe(refresh_credentials=True, platform="darwin")
        self.assertEqual(len(self.http.requests), 2)


class ReadOnlyFiles(Files):
    """Files that cannot be written."""

    async def write(self, path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))
