"""Probes of the Antigravity provider, from whoever can tell the quota to the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from openusage.host import Host, Visit
from openusage.host.processes import Process
from openusage.model import (
    Badge,
    NotLoggedInError,
    ProbeError,
    Progress,
    RateLimitedError,
    Snapshot,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.antigravity import Antigravity, client
from openusage.providers.interface import IProvider, Provider
from openusage.testing import NOW, FakeProcesses
from tests.probes import ProbeTestCase
from tests.test_antigravity_cloud import (
    ACCOUNT,
    BUCKETS,
    DAILY,
    GROUPS,
    LIST,
    MODELS,
    OTHER,
    QUOTA,
    SUMMARY,
    TIERS,
    UNAVAILABLE,
)
from tests.test_antigravity_local import STATUS, url
from tests.test_antigravity_local import SUMMARY as LOCAL_SUMMARY
from tests.test_antigravity_tokens import FILE, ITEM, REFRESH, put_file, put_state, state_value

RENEWAL = "https://oauth2.googleapis.com/token"
OLD = "ya29.OLD-PLANTED-0123456789"
NEW = "ya29.NEW-PLANTED-0123456789"
SECRET = "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"
CLIENT = {"ANTIGRAVITY_OAUTH_CLIENT_ID": "id.planted", "ANTIGRAVITY_OAUTH_CLIENT_SECRET": SECRET}
LOGIN = "Start Antigravity or run `agy` and try again."
EXPIRED = "Antigravity sign-in expired. Open Antigravity or run `agy` to refresh."
DEAD = UnreachableError("connection refused")
SOON = int((NOW + timedelta(hours=1)).timestamp())
PAST = int((NOW - timedelta(hours=1)).timestamp())
SERVER = Process(
    7, ("/opt/language_server", "--csrf_token", "csrf-PLANTED", "--app_data_dir", "antigravity")
)
AGY = Process(8, ("/home/ada/.local/bin/agy",))


class Case(ProbeTestCase):
    """A person's machine, empty at first."""

    provider = Antigravity()

    def setUp(self) -> None:
        super().setUp()
        self.env: Mapping[str, str] = CLIENT
        self.platform = "linux"
        self.visit = Visit()
        self.patch(client, "SYSTEM", self.home / "system")

    def host(self, **more: Any) -> Host:
        self.visit = Visit(claim=self.visit.claim)
        known = {"env": self.env, "platform": self.platform, "visit": self.visit}
        return super().host(**{**known, **more})

    def probe(self, host: Host | None = None, **more: Any) -> Snapshot:
        """A snapshot for which all was asked that was to be asked."""
        found = super().probe(host, **more)
        self.assertEqual(self.http.left, [])
        return found

    def failure(self, kind: type[ProbeError], host: Host | None = None, **more: Any) -> str:
        """What is said, when all was asked that was to be asked."""
        said = super().failure(kind, host, **more)
        self.assertEqual(self.http.left, [])
        self.assertRegex(said, r"\A[A-Z].*\.\)?\Z")
        return said

    def used(self) -> dict[str, float]:
        lines = self.probe().lines
        return {line.label: line.used for line in lines if isinstance(line, Progress)}

    def reply(self, method: str, status: int = 200, body: Any = "", base: str = DAILY) -> None:
        self.http.reply("POST", f"{base}/v1internal:{method}", status, body)

    def unavailable(self, method: str = SUMMARY) -> None:
        """Both addresses fail."""
        self.reply(method, 500)
        self.reply(method, 500, base=OTHER)

    def good(self) -> None:
        """Cloud Code answers."""
        self.reply(SUMMARY, 200, GROUPS)
        self.reply(ACCOUNT, 200, TIERS)

    def renewal(self, status: int = 200, body: Any = None) -> None:
        answer = {"access_token": NEW, "expires_in": 3599} if body is None else body
        self.http.reply("POST", RENEWAL, status, answer)

    def login(self, access: str | None = OLD, refresh: str | None = None) -> None:
        """Have a login in the file of `agy`."""
        tokens = {"access_token": access, "refresh_token": refresh}
        put_file(self.home, {"token": tokens})

    @property
    def sent(self) -> list[str]:
        """The tokens that Cloud Code was shown, one after the other, each once."""
        tokens = [request.headers.get("authorization") for request in self.http.requests]
        return list(dict.fromkeys(token.partition(" ")[2] for token in tokens if token))

    @property
    def renewals(self) -> int:
        return sum(request.url == RENEWAL for request in self.http.requests)


class ManifestTests(SynchronousTestCase):
    """What the provider says of itself."""

    def test_provider(self) -> None:
        """It is a provider, with the keys that a limit is known by."""
        provider: Provider = Antigravity()
        verifyObject(IProvider, provider)

        keys = {line.label: line.resource for line in provider.lines}
        self.assertEqual(keys["Session"], "geminiSession")
        self.assertEqual(keys["Weekly"], "geminiWeekly")
        self.assertEqual(keys["Claude"], "nonGeminiSession")
        self.assertEqual(keys["Claude Weekly"], "nonGeminiWeekly")
        self.assertEqual(provider.brand_color, "#4285F4")


class DetectTests(Case):
    """`Antigravity.detect`."""

    def test_nothing(self) -> None:
        """On an empty machine nothing is found, and nobody looks at what runs."""
        self.processes = FakeProcesses([AGY], {8: [4000]})

        self.assertIsNone(self.detected())
        self.assertEqual(self.processes.asked, 0)

    def test_file(self) -> None:
        """The file of `agy` is found when there is a token in it, expired or not."""
        put_file(self.home, {"token": {"access_token": OLD, "expiry": PAST}})
        self.assertEqual(self.detected(), f"~/{FILE}")
        put_file(self.home, {"token": {}})
        self.assertIsNone(self.detected())

    def test_database(self) -> None:
        """So is a database, on each system."""
        put_state(self.home, state_value())
        self.assertEqual(self.detected(), "~/.config/Antigravity/User/globalStorage/state.vscdb")
        self.platform = "win32"
        self.assertIsNone(self.detected())
        put_state(self.home, state_value(), "Antigravity IDE", "AppData/Roaming")
        self.assertEqual(
            self.detected(), "~/AppData/Roaming/Antigravity IDE/User/globalStorage/state.vscdb"
        )

    def test_running(self) -> None:
        """A program that runs is found where it has made its folder."""
        self.processes = FakeProcesses([SERVER], {7: [4000]})
        for folder in (
            ".config/Antigravity IDE",
            ".config/Antigravity",
            ".gemini/antigravity",
            ".gemini/antigravity-ide",
            ".gemini/antigravity-cli",
        ):
            self.home = Path(self.mktemp()).absolute()
            (self.home / folder).mkdir(parents=True)
            self.assertEqual(self.detected(), f"~/{folder}")
        self.processes = FakeProcesses()
        self.assertIsNone(self.detected())

    def test_item(self) -> None:
        """The keyring is not asked: nobody is there to answer its question."""
        self.keychain.items[ITEM] = OLD

        self.assertIsNone(self.detected())


class LocalTests(Case):
    """Where Antigravity runs."""

    def setUp(self) -> None:
        super().setUp()
        self.processes = FakeProcesses([SERVER, AGY], {7: [10001], 8: [20001]})

    def answer(self, port: int = 10001, **answers: Any) -> None:
        for method, body in answers.items():
            self.http.reply("POST", url(f"https://127.0.0.1:{port}", method), 200, body)

    def dead(self, port: int = 10001) -> None:
        for scheme in ("https", "http"):
            self.http.fail("POST", f"{scheme}://127.0.0.1:{port}", DEAD)

    def test_alone(self) -> None:
        """Its server is asked and nobody else, nor is any login looked at."""
        self.keychain.items[ITEM] = OLD
        self.answer(RetrieveUserQuotaSummary=LOCAL_SUMMARY, GetUserStatus=STATUS)

        snapshot = self.probe()

        self.assertEqual(snapshot.plan, "Pro")
        self.assertEqual([line.label for line in snapshot.lines], ["Session", "Weekly"])
        self.assertEqual(snapshot.fetched_at, NOW)
        self.assertEqual(self.keychain.asked, [])
        self.assertIsNotNone(self.visit.credential)
        self.assertIn(self.home / FILE, self.visit.watched)

    def test_models(self) -> None:
        """An older server tells its pools, with the plan as it is."""
        self.answer(RetrieveUserQuotaSummary={}, GetUserStatus=STATUS)

        snapshot = self.probe()

        self.assertEqual(snapshot.plan, "Google AI Pro")
        self.assertEqual([line.label for line in snapshot.lines], ["Gemini Pro", "Claude"])

    def test_agy(self) -> None:
        """When the server of the app is silent that of `agy` is asked."""
        self.dead()
        self.answer(20001, RetrieveUserQuotaSummary=LOCAL_SUMMARY, GetUserStatus=STATUS)

        self.assertEqual(self.used(), {"Session": 36, "Weekly": 10})

    def test_cloud(self) -> None:
        """When both are silent Google is asked."""
        self.dead()
        self.dead(20001)
        self.login()
        self.good()

        self.assertEqual(self.used(), {"Session": 36, "Claude": 60})
        self.assertEqual(self.sent, [OLD])

    def test_nothing(self) -> None:
        """When both are silent and there is no login, both is said."""
        self.dead()
        self.dead(20001)

        said = self.failure(NotLoggedInError)

        self.assertTrue(said.startswith(LOGIN))
        self.assertIn("Antigravity runs, but does not tell its usage", said)
        self.assertIn(f"~/{FILE} was not found", said)

    def test_empty(self) -> None:
        """A summary in which nothing is known is shown as that."""
        self.answer(RetrieveUserQuotaSummary={"response": {"groups": []}}, GetUserStatus=STATUS)

        self.assertEqual(self.probe().lines, (Badge("Status", "No usage data", "#a3a3a3"),))

    def test_spaced(self) -> None:
        """Within a minute the server is not asked again, and after it is."""
        for minute in (0, 1):
            self.answer(RetrieveUserQuotaSummary=LOCAL_SUMMARY, GetUserStatus=STATUS)
            first = self.probe()
            self.clock.advance(59)
            self.assertEqual(self.probe(), first)
            self.clock.advance(2)
            self.assertEqual(len(self.http.requests), 2 * (minute + 1))

    def test_silence_remembered(self) -> None:
        """Nor is a silent one, though Google may be."""
        self.dead()
        self.dead(20001)
        self.failure(NotLoggedInError)
        self.login()
        self.good()

        self.assertEqual(self.used()["Session"], 36)

    def test_second_instance(self) -> None:
        """An instance that may not use the program as well is left with its own login."""
        taken = set[str]()

        def claim(credential: str) -> None:
            if credential in taken:
                raise ProbeError("The same login as antigravity; it is counted there.")
            taken.add(credential)

        self.visit = Visit(claim=claim)
        self.answer(RetrieveUserQuotaSummary=LOCAL_SUMMARY, GetUserStatus=STATUS)
        self.probe()
        self.login()
        self.good()

        self.assertEqual(self.used(), {"Session": 36, "Claude": 60})
        self.assertEqual(len(taken), 2)
        self.assertEqual(
            self.failure(ProbeError), "The same login as antigravity; it is counted there."
        )

    def test_program(self) -> None:
        """The program that runs is looked into for the client, wherever it lies."""
        self.env = {}
        program = self.home / "odd place" / "language_server"
        program.parent.mkdir()
        program.write_text(f"\0{SECRET}\0")
        argv = (str(program), *SERVER.argv[1:])
        self.processes = FakeProcesses([Process(7, argv)], {7: [10001]})
        self.dead()
        self.login(None, REFRESH)
        self.renewal()
        self.good()

        self.assertEqual(len(self.used()), 2)


class LoginTests(Case):
    """Where nothing runs."""

    def test_nothing(self) -> None:
        """Without a login every place is named, and not a single request made."""
        said = self.failure(NotLoggedInError)

        self.assertTrue(said.startswith(f"{LOGIN} ("), said)
        for place in (
            "the keyring item gemini antigravity was not found, or may not be read",
            f"~/{FILE} was not found",
            "~/.config/Antigravity IDE/User/globalStorage/state.vscdb",
            "~/.config/Antigravity/User/globalStorage/state.vscdb",
        ):
            self.assertIn(place, said)
        self.assertEqual(self.http.requests, [])
        self.assertIsNone(self.visit.credential)

    def test_damaged(self) -> None:
        """A login that is there and cannot be read is said to be one, and never sent."""
        self.keychain.items[ITEM] = f'{{"token": "{OLD}'

        said = self.failure(NotLoggedInError)

        self.assertTrue(said.startswith("Antigravity credentials are invalid. Open Antigravity or"))
        self.assertIn("the keyring item gemini antigravity holds no token", said)
        self.assertNotIn("PLANTED", said)
        self.assertEqual(self.http.requests, [])

    def test_item(self) -> None:
        """The login in the keyring is used, and no file is looked at."""
        self.keychain.items[ITEM] = f"Bearer {OLD}"
        self.good()

        snapshot = self.probe()

        self.assertEqual((snapshot.plan, len(snapshot.lines)), ("Pro", 2))
        self.assertEqual(self.sent, [OLD])
        self.assertEqual(self.keychain.prompted, [ITEM])

    def test_database(self) -> None:
        """The login in a database is used, without an expiry, and with one that is to come."""
        for expiry in (None, SOON):
            self.setUp()
            put_state(self.home, state_value(OLD, None, expiry))
            self.reply(SUMMARY, 200, {})
            self.reply(MODELS, 200, LIST)
            snapshot = self.probe()
            self.assertIsNone(snapshot.plan)
            self.assertEqual([line.label for line in snapshot.lines], ["Gemini Pro", "Claude"])
            self.assertEqual(self.sent, [OLD])

    def test_quota(self) -> None:
        """An account that has its quota alone is shown by that."""
        self.keychain.items[ITEM] = '{"tokens": {"access_token": "t"}}'
        self.reply(SUMMARY, 200, {})
        self.reply(MODELS, 200, {})
        self.reply(ACCOUNT, 200, TIERS)
        self.reply(QUOTA, 200, BUCKETS)

        self.assertEqual(self.used(), {"Gemini Pro": 20, "Gemini Flash": 40, "Claude": 60})
        self.assertEqual(self.sent, ["t"])

    def test_no_models(self) -> None:
        """An account of which nothing is told is an error."""
        self.login()
        self.reply(SUMMARY, 200, {})
        self.reply(MODELS, 200, {"models": {}})
        self.reply(ACCOUNT, 200, {})
        self.reply(QUOTA, 200, {})

        self.assertEqual(
            self.failure(UnexpectedResponseError), "Usage response invalid. Try again later."
        )

    def test_next(self) -> None:
        """When the first login is refused, or cannot be asked for, the next one is tried."""
        for trouble in (lambda: self.reply(SUMMARY, 401), self.unavailable):
            self.setUp()
            self.keychain.items[ITEM] = NEW
            put_state(self.home, state_value(OLD, None))
            trouble()
            self.good()
            self.assertEqual(len(self.used()), 2)
            self.assertEqual(self.sent, [NEW, OLD])

    def test_same(self) -> None:
        """A token that lies in several places is sent once."""
        self.keychain.items[ITEM] = OLD
        self.login()
        put_state(self.home, state_value(OLD, None))
        self.reply(SUMMARY, 401)

        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(len(self.http.requests), 1)

    def test_worst(self) -> None:
        """Of several troubles the one is told that may pass by itself."""
        self.keychain.items[ITEM] = NEW
        self.login()
        self.reply(SUMMARY, 401)
        self.unavailable()

        self.assertEqual(self.failure(UnexpectedResponseError), UNAVAILABLE)

    def test_rate_limited(self) -> None:
        """When Google wants to be left alone no other login is tried, and the wait is kept."""
        self.keychain.items[ITEM] = NEW
        self.login()
        self.http.reply("POST", f"{DAILY}/", 429, headers={"Retry-After": "600"})
        self.failure(RateLimitedError)
        self.clock.advance(599)

        self.failure(RateLimitedError)

        self.assertEqual(len(self.http.requests), 1)
        self.clock.advance(2)
        self.good()
        self.assertEqual(len(self.used()), 2)

    def test_spaced(self) -> None:
        """Within a minute nothing is asked again, be it after a success or a failure."""
        self.login()
        self.good()
        first = self.probe()
        self.clock.advance(59)
        self.assertEqual(self.probe(), first)
        self.clock.advance(2)
        self.unavailable()
        self.failure(UnexpectedResponseError)
        self.clock.advance(59)
        self.failure(UnexpectedResponseError)
        self.assertEqual(len(self.http.requests), 4)

    def test_identity(self) -> None:
        """A login is the same while its refresh token is, and another one is another."""
        seen = []
        for access, refresh in ((OLD, "1//a"), (NEW, "1//a"), (NEW, "1//b"), (OLD, None)):
            self.login(access, refresh)
            self.clock.advance(61)
            self.good()
            self.probe()
            seen.append(self.visit.credential)

        self.assertEqual(seen[0], seen[1])
        self.assertEqual(len(set(seen)), 3)

    def test_watched(self) -> None:
        """The file is watched, and a database as long as there is no login in it."""
        self.failure(NotLoggedInError)

        state = self.home / ".config/Antigravity/User/globalStorage/state.vscdb"
        self.assertLessEqual({self.home / FILE, state}, self.visit.watched)

    def test_private(self) -> None:
        """Neither a log nor what is remembered has a token in it."""
        self.login(OLD, REFRESH)
        self.reply(SUMMARY, 401)
        self.renewal(500, {"error": NEW})
        with capturedLogs() as events:
            said = self.failure(UnreachableError)

        for text in (said, repr(self.state.values), *map(eventAsText, events)):
            self.assertNotIn("PLANTED", text)
            self.assertNotIn("planted", text)


class RenewingTests(Case):
    """A login whose token is no longer good."""

    def test_expired(self) -> None:
        """A token that has expired is not sent, but renewed, without any permission."""
        put_state(self.home, state_value(OLD, REFRESH, PAST))
        self.renewal()
        self.good()

        self.assertEqual(len(self.used()), 2)
        self.assertEqual(self.sent, [NEW])
        self.assertEqual(self.renewals, 1)

    def test_request(self) -> None:
        """The refresh token goes to Google alone, with the client, as a form."""
        self.login(None, "1//my-refresh")
        self.renewal()
        self.good()
        self.probe()

        (request,) = [each for each in self.http.requests if each.url == RENEWAL]
        body = (request.body or b"").decode()
        self.assertIn("refresh_token=1%2F%2Fmy-refresh", body)
        self.assertEqual(
            parse_qs(body),
            {
                "client_id": ["id.planted"],
                "client_secret": [SECRET],
                "refresh_token": ["1//my-refresh"],
                "grant_type": ["refresh_token"],
            },
        )
        self.assertEqual(request.headers["content-type"], "application/x-www-form-urlencoded")
        self.assertEqual(request.timeout, 15)
        self.assertTrue(request.verify)

    def test_refused(self) -> None:
        """A token that is refused is renewed, and the new one is sent last."""
        for status in (401, 403):
            self.setUp()
            self.login(OLD, REFRESH)
            self.reply(SUMMARY, status)
            self.renewal()
            self.good()
            self.assertEqual(len(self.used()), 2)
            self.assertEqual(self.sent, [OLD, NEW])

    def test_refused_later(self) -> None:
        """So it is when it is refused on the way through the older methods."""
        self.login(OLD, REFRESH)
        self.reply(SUMMARY, 200, {})
        self.reply(MODELS, 403)
        self.renewal()
        self.good()

        self.assertEqual(len(self.used()), 2)

    def test_unavailable(self) -> None:
        """A service that fails is no reason to renew anything."""
        self.login(OLD, REFRESH)
        self.unavailable()

        self.failure(UnexpectedResponseError)
        self.assertEqual(self.renewals, 0)

    def test_nothing_written(self) -> None:
        """Neither the place of the login nor any file or item of ours gets the new token."""
        self.keychain.items[ITEM] = f'{{"refresh_token": "{REFRESH}"}}'
        path = put_state(self.home, state_value(OLD, REFRESH))
        before = path.read_bytes()
        self.renewal()
        self.good()
        self.probe()

        self.assertEqual(path.read_bytes(), before)
        self.assertEqual(self.keychain.saved, [])
        self.assertEqual([each for each in self.home.rglob("*") if each.is_file()], [path])
        self.assertNotIn("PLANTED", repr(self.state.values))

    def test_dead(self) -> None:
        """A refresh token that is spent is not sent again, until there is another one."""
        self.login(None, REFRESH)
        self.renewal(400, {"error": "invalid_grant"})
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        for _ in range(2):
            self.clock.advance(400)
            self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.renewals, 1)

        self.login(None, "1//another")
        self.renewal()
        self.good()

        self.assertEqual(len(self.used()), 2)

    def test_dead_by_another_client(self) -> None:
        """The refusal may have been the client's: with another one it is tried again."""
        self.login(None, REFRESH)
        self.renewal(401, {"error": "invalid_client"})
        self.failure(TokenExpiredError)
        self.clock.advance(400)
        self.env = {**CLIENT, "ANTIGRAVITY_OAUTH_CLIENT_ID": "another"}
        self.renewal()
        self.good()

        self.assertEqual(len(self.used()), 2)

    def test_refused_by_a_page(self) -> None:
        """A refusal by some page on the way does not count for good."""
        self.login(None, REFRESH)
        self.renewal(403, "<html>")
        self.failure(TokenExpiredError)
        self.clock.advance(400)
        self.renewal()
        self.good()

        self.assertEqual(len(self.used()), 2)

    def test_dead_with_a_new_token(self) -> None:
        """A token that the tool stored meanwhile is sent, though its refresh token is spent."""
        self.login(OLD, REFRESH)
        self.reply(SUMMARY, 401)
        self.renewal(400, {"error": "invalid_grant"})
        self.failure(TokenExpiredError)
        self.login(NEW, REFRESH)
        self.good()

        self.assertEqual(len(self.used()), 2)
        self.assertEqual(self.sent, [OLD, NEW])

    def test_temporary(self) -> None:
        """When there is no new token right now, that is not said to be the login's fault."""
        for status, body in (
            (408, {"error": "timeout"}),
            (429, {"error": "throttled"}),
            (500, {}),
            (200, {"expires_in": 5}),
            (200, {"access_token": "two words"}),
            (200, "<html>"),
            (200, []),
        ):
            self.setUp()
            self.login(OLD, REFRESH)
            self.reply(SUMMARY, 401)
            self.renewal(status, body)
            self.assertEqual(self.failure(UnreachableError), UNAVAILABLE, status)
            self.assertEqual(self.renewals, 1)
        self.setUp()
        self.login(None, REFRESH)
        self.http.fail("POST", RENEWAL, DEAD)
        self.assertEqual(self.failure(UnreachableError), UNAVAILABLE)

    def test_good_for_nothing(self) -> None:
        """A new token that is refused too, or is the old one again, ends it."""
        self.login(OLD, REFRESH)
        self.reply(SUMMARY, 401)
        self.renewal()
        self.reply(SUMMARY, 401)
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.setUp()
        self.login(OLD, REFRESH)
        self.reply(SUMMARY, 401)
        self.renewal(body={"access_token": OLD})
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.renewals, 1)

    def test_unavailable_after(self) -> None:
        """A service that fails when it is shown the new token is just that."""
        self.login(OLD, REFRESH)
        self.reply(SUMMARY, 401)
        self.renewal()
        self.unavailable()

        self.assertEqual(self.failure(UnexpectedResponseError), UNAVAILABLE)

    def test_no_client(self) -> None:
        """Without the client nothing can be renewed; a token that is good works all the same."""
        self.env = {}
        put_state(self.home, state_value(OLD, REFRESH, PAST))
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.http.requests, [])
        self.setUp()
        self.env = {}
        put_state(self.home, state_value(OLD, REFRESH, SOON))
        self.good()
        self.assertEqual(len(self.used()), 2)

    def test_no_refresh_token(self) -> None:
        """Without a refresh token an expired one is not sent, and a refused one is the end."""
        put_state(self.home, state_value(OLD, None, PAST))
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.http.requests, [])
        self.setUp()
        self.login(OLD)
        self.reply(SUMMARY, 401)
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)

    def test_same_refresh_token(self) -> None:
        """A refresh token that lies in several places is sent once, and each token beside it."""
        self.keychain.items[ITEM] = f'{{"access_token": "{OLD}", "refresh_token": "{REFRESH}"}}'
        put_state(self.home, state_value("third", REFRESH))
        self.reply(SUMMARY, 401)
        self.renewal(400, {"error": "invalid_grant"})
        self.reply(SUMMARY, 401)

        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.sent, [OLD, "third"])
        self.assertEqual(self.renewals, 1)


class AnythingTests(Case):
    """Whatever Cloud Code says."""

    @settings(deadline=None, max_examples=60)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.just(10**400),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["groups", "buckets", "bucketId", "models", "paidTier", "name", "modelId"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        )
    )
    def test_anything(self, body: Any) -> None:
        """Any JSON in the place of any answer is a snapshot or an error, now and from memory."""
        self.setUp()
        self.login()
        for method in (SUMMARY, MODELS, ACCOUNT, QUOTA, QUOTA):
            for base in (DAILY, OTHER):
                self.reply(method, 200, body if isinstance(body, (list, dict)) else "5", base)

        outcomes = []
        for _ in range(2):
            outcome: list[Any] = []
            self.start().addBoth(outcome.append)
            outcomes.append(getattr(outcome[0], "value", outcome[0]))

        self.assertIsInstance(outcomes[0], (Snapshot, ProbeError))
        self.assertEqual(repr(outcomes[0]), repr(outcomes[1]))
