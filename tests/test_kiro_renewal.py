"""Renewing the login of the Kiro app, where the person allowed it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from openusage.host import Host
from openusage.model import TokenExpiredError, UnexpectedResponseError, UnreachableError
from openusage.providers.kiro import Kiro
from openusage.testing import clock_at
from tests.probes import ProbeTestCase

NOW = datetime(2026, 2, 2, tzinfo=timezone.utc)
ACCESS, REFRESH = "aoa-PLANTED-access", "aor-PLANTED-refresh"
NEW_ACCESS, NEW_REFRESH = "aoa-PLANTED-newer", "aor-PLANTED-newer"
ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/PLANTED"
NEW_ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/NEWER"
LIVE = "https://q.us-east-1.amazonaws.com/getUsageLimits?"
SOCIAL = "https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken"
OIDC = "https://oidc.eu-west-1.amazonaws.com/token"
CACHE = ".aws/sso/cache"
FILE = f"{CACHE}/kiro-auth-token.json"
EXPIRED = "Kiro session expired. Open Kiro and sign in again."
UNAVAILABLE = "Kiro usage data unavailable. Open the Kiro account dashboard once and try again."

USAGE = {
    "usageBreakdownList": [{"resourceType": "CREDIT", "currentUsage": 9, "usageLimit": 50}],
    "subscriptionInfo": {"subscriptionTitle": "KIRO FREE"},
}
BOUGHT = {"accessToken": NEW_ACCESS, "refreshToken": NEW_REFRESH, "expiresIn": 3600}


class RenewalTestCase(ProbeTestCase):
    """A person whose login has expired, and the services that know it."""

    provider = Kiro()

    def setUp(self) -> None:
        super().setUp()
        self.clock = clock_at(NOW)
        self.path = self.home / FILE

    def sign_in(self, **more: object) -> None:
        document = {
            "accessToken": ACCESS,
            "refreshToken": REFRESH,
            "expiresAt": "2026-02-01T21:00:00.000Z",
            "provider": "Google",
            "authMethod": "social",
            "profileArn": ARN,
            "unknown": {"to": ["us"]},
            **more,
        }
        self.write(FILE, document)

    @property
    def stored(self) -> Mapping[str, Any]:
        """What is in the app's file."""
        stored: Mapping[str, Any] = json.loads(self.path.read_text())
        return stored

    def host(self, **more: Any) -> Host:
        return super().host(**{"refresh_credentials": True, **more})

    def asked(self) -> list[str]:
        """What was sent: the refreshes, and the tokens with which usage was asked for."""
        return [
            request.headers.get("authorization", request.url).removeprefix("Bearer ")
            for request in self.http.requests
        ]


class NotAllowedTests(RenewalTestCase):
    """Where renewing is not allowed."""

    def test_expired(self) -> None:
        """An expired token is not sent, and its file stays as it is."""
        self.sign_in()
        before = self.path.read_bytes()
        message = self.failure(TokenExpiredError, refresh_credentials=False)
        self.assertEqual(message, "Token expired 3 h ago. Open Kiro once to renew it.")
        self.assertEqual(self.http.requests, [])
        self.assertEqual(self.path.read_bytes(), before)

    def test_empty(self) -> None:
        """Without an access token there is nothing to send."""
        for access in ("", None, 5, "two words"):
            self.sign_in(accessToken=access, expiresAt=None)
            message = self.failure(TokenExpiredError, refresh_credentials=False)
            self.assertEqual(message, EXPIRED)
        self.assertEqual(self.http.requests, [])

    def test_soon_or_unknown(self) -> None:
        """A token that expires soon, or does not say when, is sent as it is."""
        for expires_at in ("2026-02-02T00:05:00Z", None, "one day"):
            self.sign_in(expiresAt=expires_at)
            self.state.values.clear()
            self.http.reply("GET", LIVE, body=USAGE)
            self.probe(refresh_credentials=False)
        self.assertEqual(self.asked(), [ACCESS] * 3)

    def test_refused(self) -> None:
        """A token that the service refuses is sent once."""
        self.sign_in(expiresAt="2026-02-03T00:00:00Z")
        self.http.reply("GET", LIVE, 403)
        self.assertEqual(self.failure(TokenExpiredError, refresh_credentials=False), EXPIRED)
        self.assertEqual(self.asked(), [ACCESS])


class SocialTests(RenewalTestCase):
    """Logins that Kiro's own sign-in service renews."""

    def test_renewed(self) -> None:
        """An empty token is renewed, used and stored, with everything else as it was."""
        self.sign_in(accessToken="", authMethod="odd")
        self.path.chmod(0o640)
        self.http.reply("POST", SOCIAL, body={**BOUGHT, "profileArn": NEW_ARN, "csrf": "x"})
        self.http.reply("GET", f"{LIVE}origin=AI_EDITOR&profileArn=arn", body=USAGE)

        self.assertEqual(self.probe().plan, "Kiro Free")

        renewal, usage = self.http.requests
        self.assertEqual(renewal.json(), {"refreshToken": REFRESH})
        self.assertEqual(renewal.headers["content-type"], "application/json")
        self.assertEqual(renewal.headers["user-agent"], "openusage/0")
        self.assertEqual(renewal.timeout, 15)
        self.assertEqual(usage.headers["authorization"], f"Bearer {NEW_ACCESS}")
        self.assertIn("%2FNEWER&", usage.url)
        self.assertEqual(
            self.stored,
            {
                "accessToken": NEW_ACCESS,
                "refreshToken": NEW_REFRESH,
                "expiresAt": "2026-02-02T01:00:00.000Z",
                "provider": "Google",
                "authMethod": "social",
                "profileArn": NEW_ARN,
                "unknown": {"to": ["us"]},
            },
        )
        self.assertIn('\n  "accessToken"', self.path.read_text())
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    def test_due(self) -> None:
        """What expires within ten minutes is renewed, and what does not say when."""
        for expires_at, due in (
            ("2026-02-02T00:10:00.000Z", True),
            ("2026-02-02T00:10:01.000Z", False),
            (None, True),
            ("one day", True),
        ):
            with self.subTest(expires_at=expires_at):
                self.http.requests.clear()
                self.state.values.clear()
                self.sign_in(expiresAt=expires_at)
                if due:
                    self.http.reply("POST", SOCIAL, body=BOUGHT)
                self.http.reply("GET", LIVE, body=USAGE)
                self.probe()
                self.assertEqual(self.asked(), [SOCIAL, NEW_ACCESS] if due else [ACCESS])

    def test_as_little_as_told(self) -> None:
        """What the sign-in service does not tell stays as it was."""
        for answer, expires_at in (
            ({"accessToken": NEW_ACCESS}, "2026-02-01T21:00:00.000Z"),
            ({"accessToken": NEW_ACCESS, "expiresIn": 0}, "2026-02-01T21:00:00.000Z"),
            ({"accessToken": NEW_ACCESS, "expires_in": 60}, "2026-02-02T00:01:00.000Z"),
        ):
            with self.subTest(answer=answer):
                self.state.values.clear()
                self.sign_in()
                self.http.reply("POST", SOCIAL, body=answer)
                self.http.reply("GET", LIVE, body=USAGE)
                self.probe()
                self.assertEqual(self.stored["refreshToken"], REFRESH)
                self.assertEqual(self.stored["expiresAt"], expires_at)
                self.assertEqual(self.stored["profileArn"], ARN)

    def test_refused_by_the_service(self) -> None:
        """A token that the service refuses is renewed once, and the question repeated once."""
        for status in (401, 403):
            self.http.requests.clear()
            self.state.values.clear()
            self.sign_in(expiresAt="2026-02-03T00:00:00Z")
            self.http.reply("GET", LIVE, status)
            self.http.reply("POST", SOCIAL, body=BOUGHT)
            self.http.reply("GET", LIVE, status)
            self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
            self.assertEqual(self.asked(), [ACCESS, SOCIAL, NEW_ACCESS])
            self.assertEqual(self.stored["accessToken"], NEW_ACCESS)

    def test_refused(self) -> None:
        """A refresh token that was refused is not sent again until another one is stored."""
        for status in (401, 403):
            self.http.requests.clear()
            self.state.values.clear()
            self.clock = clock_at(NOW)
            self.sign_in()
            self.http.reply("POST", SOCIAL, status, {"message": "Bad credentials"})
            self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
            self.clock.advance(600)
            self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
            self.assertEqual(self.asked(), [SOCIAL])

            self.sign_in(refreshToken=NEW_REFRESH)
            self.http.reply("POST", SOCIAL, body=BOUGHT)
            self.http.reply("GET", LIVE, body=USAGE)
            self.probe()

    def test_no_new_token(self) -> None:
        """Where the sign-in service fails the old token is tried, if there is one."""
        for status, body in ((500, b""), (200, b"no json"), (200, {}), (200, {"accessToken": ""})):
            with self.subTest(status=status, body=body):
                self.http.requests.clear()
                self.state.values.clear()
                self.sign_in()
                self.http.reply("POST", SOCIAL, status, body)
                self.http.reply("GET", LIVE, body=USAGE)
                self.probe()
                self.assertEqual(self.asked(), [SOCIAL, ACCESS])

                self.state.values.clear()
                self.sign_in(accessToken="")
                self.http.reply("POST", SOCIAL, status, body)
                self.assertEqual(self.failure(TokenExpiredError), EXPIRED)

    def test_no_connection(self) -> None:
        """Without a connection nothing is said of the login, and nothing else is tried."""
        for error in (
            UnreachableError("refused"),
            UnexpectedResponseError("the answer is too large", 200),
        ):
            self.http.requests.clear()
            self.state.values.clear()
            self.sign_in()
            self.http.fail("POST", SOCIAL, error)
            self.assertEqual(self.failure(type(error)), UNAVAILABLE)
            self.assertEqual(self.asked(), [SOCIAL])

    def test_rotated_meanwhile(self) -> None:
        """A login that the app renewed itself is used as it is, and nothing is spent."""
        self.sign_in(expiresAt="2026-02-03T00:00:00Z")
        waiting = self.http.hang("GET", LIVE)
        work = self.start()
        self.assertNoResult(work)
        self.sign_in(accessToken=NEW_ACCESS, expiresAt="2026-02-03T00:00:00Z")
        self.http.reply("GET", LIVE, body=USAGE)
        waiting.errback(TokenExpiredError("refused"))
        self.successResultOf(work)
        self.assertEqual(self.asked(), [ACCESS, NEW_ACCESS])

    def test_unwritable(self) -> None:
        """Where the outcome could not be saved nothing is spent, which is remarked."""
        self.sign_in()
        self.patch(os, "access", lambda *_: False)
        self.http.reply("GET", LIVE, body=USAGE)
        host = self.host()
        self.probe(host)
        self.assertEqual(self.asked(), [ACCESS])
        self.assertEqual(host.visit.notes, ["Login not renewed: its file cannot be replaced."])

    def test_write_fails(self) -> None:
        """A token that could not be saved all the same is used for this probe."""
        self.sign_in()
        host = self.host()

        async def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        self.patch(type(host.files), "write", fail)
        self.http.reply("POST", SOCIAL, body=BOUGHT)
        self.http.reply("GET", LIVE, body=USAGE)
        self.probe(host)
        self.assertEqual(self.asked(), [SOCIAL, NEW_ACCESS])
        self.assertEqual(self.stored["accessToken"], ACCESS)


class OrganizationTests(RenewalTestCase):
    """Logins of organizations and Builder IDs, which AWS renews."""

    def register(self, document: object, name: str = "abc123") -> None:
        self.write(f"{CACHE}/{name}.json", document)

    def test_renewed(self) -> None:
        """AWS gets what the app registered with it, in the region of the sign-in."""
        for provider in ("BuilderId", "Enterprise", "Internal"):
            with self.subTest(provider=provider):
                self.http.requests.clear()
                self.state.values.clear()
                self.register({"clientId": "id-1", "clientSecret": "secret-1", "x": 1})
                self.sign_in(provider=provider, clientIdHash="abc123", region="eu-west-1")
                self.http.reply("POST", OIDC, body={**BOUGHT, "tokenType": "Bearer"})
                self.http.reply("GET", LIVE, body=USAGE)
                self.probe()
                self.assertEqual(self.asked(), [OIDC, NEW_ACCESS])
                self.assertEqual(
                    self.http.requests[0].json(),
                    {
                        "grantType": "refresh_token",
                        "clientId": "id-1",
                        "clientSecret": "secret-1",
                        "refreshToken": REFRESH,
                    },
                )
                self.assertEqual(self.stored["accessToken"], NEW_ACCESS)
                self.assertEqual(self.stored["refreshToken"], NEW_REFRESH)
                self.assertEqual(self.stored["authMethod"], "IdC")
                self.assertEqual(self.stored["clientIdHash"], "abc123")

    def test_region(self) -> None:
        """What is no region is never part of an address."""
        for region in (None, "", "evil.example/", 5):
            with self.subTest(region=region):
                self.state.values.clear()
                self.register({"clientId": "id-1", "clientSecret": "secret-1"})
                self.sign_in(provider="BuilderId", clientIdHash="abc123", region=region)
                self.http.reply("POST", "https://oidc.us-east-1.amazonaws.com/token", body=BOUGHT)
                self.http.reply("GET", LIVE, body=USAGE)
                self.probe()

    def test_refused(self) -> None:
        """A refresh token that AWS refuses is not sent again."""
        self.register({"clientId": "id-1", "clientSecret": "secret-1"})
        self.sign_in(provider="Enterprise", clientIdHash="abc123", region="eu-west-1")
        self.http.reply("POST", OIDC, 400, {"error": "invalid_grant"})
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.clock.advance(600)
        self.assertEqual(self.failure(TokenExpiredError), EXPIRED)
        self.assertEqual(self.asked(), [OIDC])

    def test_not_registered(self) -> None:
        """Without what the app registered nothing is sent to AWS, and the old token is tried."""
        for document, name in (
            (None, "abc123"),
            ({"clientId": "id-1"}, "abc123"),
            ([], "abc123"),
            (None, None),
            (None, "../../kiro"),
            (None, 5),
        ):
            with self.subTest(document=document, name=name):
                self.http.requests.clear()
                self.state.values.clear()
                if document is not None:
                    self.register(document)
                self.sign_in(provider="BuilderId", clientIdHash=name)
                self.http.reply("GET", LIVE, body=USAGE)
                host = self.host()
                self.probe(host)
                self.assertEqual(self.asked(), [ACCESS])
                self.assertEqual(len(host.visit.notes), 1)

    def test_time_of_expiry(self) -> None:
        """The new expiry is told in milliseconds of UTC."""
        self.register({"clientId": "id-1", "clientSecret": "secret-1"})
        self.sign_in(provider="BuilderId", clientIdHash="abc123", region="eu-west-1")
        self.http.reply("POST", OIDC, body={**BOUGHT, "expiresIn": 28800.25})
        self.http.reply("GET", LIVE, body=USAGE)
        self.probe(clock=clock_at(NOW + timedelta(milliseconds=500)))
        self.assertEqual(self.stored["expiresAt"], "2026-02-02T08:00:00.750Z")
