"""What the server in a running Antigravity is asked, and what is made of its answers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from openusage.host import Host
from openusage.model import ProbeTimeoutError, Progress, UnexpectedResponseError, UnreachableError
from openusage.providers.antigravity.local import ask_servers
from openusage.providers.antigravity.processes import Server
from openusage.providers.antigravity.windows import usage_lines
from openusage.testing import FakeHttp, fake_host

SERVICE = "exa.language_server_pb.LanguageServerService"
TOKEN = "csrf-PLANTED-0123456789"
DEAD = UnreachableError("connection refused")
RESET = "2026-11-24T15:10:56Z"
SUMMARY = {
    "response": {
        "groups": [
            {
                "buckets": [
                    {"bucketId": "gemini-5h", "remainingFraction": 0.64, "resetTime": RESET},
                    {"bucketId": "gemini-weekly", "remainingFraction": 0.9},
                ]
            }
        ]
    }
}
CONFIGS = [
    {"label": "Gemini 3.1 Pro (High)", "quotaInfo": {"remainingFraction": 0.82}},
    {
        "label": "Claude Opus 4.6 (Thinking)",
        "modelOrAlias": {"model": "MODEL_PLACEHOLDER_M26"},
        "quotaInfo": {"resetTime": RESET},
    },
]
STATUS: dict[str, Any] = {
    "userStatus": {
        "userTier": {"id": "g1-pro-tier", "name": "Google AI Pro"},
        "planStatus": {"planInfo": {"planName": "Pro", "monthlyPromptCredits": 50000}},
        "cascadeModelConfigData": {"clientModelConfigs": CONFIGS},
    }
}


def url(base: str, method: str) -> str:
    return f"{base}/{SERVICE}/{method}"


class Case(SynchronousTestCase):
    """A server that answers as it is told."""

    def setUp(self) -> None:
        self.http = FakeHttp()
        self.clock = Clock()

    def host(self) -> Host:
        return fake_host(Path(self.mktemp()), http=self.http, clock=self.clock)

    def reply(self, method: str, status: int, body: Any = "", base: str = "") -> None:
        self.http.reply("POST", url(base or "https://127.0.0.1:10002", method), status, body)

    def ask(self, *servers: Server) -> Deferred[dict[str, Any]]:
        return Deferred.fromCoroutine(
            ask_servers(self.host(), servers or (Server((10002,), TOKEN),))
        )

    def figures(self, *servers: Server) -> dict[str, Any]:
        return self.successResultOf(self.ask(*servers))

    def lines(self, *servers: Server) -> list[tuple[str, float]]:
        return [(line.label, line.used) for line in usage_lines(self.figures(*servers))]

    @property
    def asked(self) -> list[str]:
        """What was asked, shortened to scheme, port and method."""
        return [
            request.url.replace("127.0.0.1:", "").replace(f"{SERVICE}/", "")
            for request in self.http.requests
        ]


class SummaryTests(Case):
    """A server that knows the quota summary."""

    def test_lines(self) -> None:
        """The summary makes the lines, and the status tells the plan in short."""
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.reply("GetUserStatus", 200, STATUS)

        figures = self.figures()

        self.assertEqual(figures["plan"], "Pro")
        self.assertEqual(
            [(line.label, line.used) for line in usage_lines(figures)],
            [("Session", 36), ("Weekly", 10)],
        )

    def test_no_plan(self) -> None:
        """Without a status the figures are there all the same."""
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.http.fail("POST", url("https://127.0.0.1:10002", "GetUserStatus"), DEAD)

        figures = self.figures()

        self.assertIsNone(figures["plan"])
        self.assertEqual(len(figures["windows"]), 2)

    def test_empty(self) -> None:
        """A summary in which nothing is known is an answer, and the models are not looked at."""
        self.reply("RetrieveUserQuotaSummary", 200, {"response": {"groups": []}})
        self.reply("GetUserStatus", 200, STATUS)

        self.assertEqual(self.figures()["windows"], [])

    def test_request(self) -> None:
        """Each request carries the token, no key of an account, and takes any certificate."""
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.reply("GetUserStatus", 200, STATUS)
        self.figures()

        for request in self.http.requests:
            self.assertEqual(request.headers["x-codeium-csrf-token"], TOKEN)
            self.assertEqual(request.headers["connect-protocol-version"], "1")
            self.assertEqual(request.headers["content-type"], "application/json")
            self.assertFalse(request.verify)
            self.assertTrue(request.url.startswith("https://127.0.0.1:"))
            self.assertEqual(
                request.json(),
                {
                    "metadata": {
                        "ideName": "antigravity",
                        "extensionName": "antigravity",
                        "ideVersion": "unknown",
                        "locale": "en",
                    }
                },
            )
            self.assertNotIn(b"apiKey", request.body or b"")


class ModelsTests(Case):
    """A server that has no summary."""

    def old(self, status: int = 404, body: Any = "") -> None:
        self.reply("RetrieveUserQuotaSummary", status, body)

    def test_status(self) -> None:
        """The models in the status make the lines, and the plan is shown as it is."""
        for code, body in ((404, "not found"), (501, ""), (200, {}), (200, "<html>"), (400, {})):
            self.http = FakeHttp()
            self.old(code, body)
            self.reply("GetUserStatus", 200, STATUS)

            figures = self.figures()

            self.assertEqual(figures["plan"], "Google AI Pro")
            self.assertEqual(
                usage_lines(figures)[0], Progress("Gemini Pro", 18, 100, period_ms=18_000_000)
            )
            self.assertEqual(usage_lines(figures)[1].used, 100)

    def test_plan(self) -> None:
        """The tier goes before the plan, which is `Pro` for all that is paid."""
        for tier, plan in (
            ({"name": "Google AI Ultra"}, "Google AI Ultra"),
            ({"name": " Google AI Ultra "}, "Google AI Ultra"),
            ({"name": ""}, "Pro"),
            ({}, "Pro"),
            (None, "Pro"),
        ):
            self.http = FakeHttp()
            self.old()
            status = copy.deepcopy(STATUS)
            status["userStatus"]["userTier"] = tier
            self.reply("GetUserStatus", 200, status)
            self.assertEqual(self.figures()["plan"], plan, tier)

    def test_configs(self) -> None:
        """Where there is no status the models are asked for alone, and no plan is known."""
        for code, body in ((500, ""), (200, {}), (200, {"userStatus": None}), (200, "{bad json")):
            self.http = FakeHttp()
            self.old()
            self.reply("GetUserStatus", code, body)
            self.reply(
                "GetCommandModelConfigs",
                200,
                {
                    "clientModelConfigs": [
                        {"label": "Gemini 3 Pro", "quotaInfo": {"remainingFraction": 0.6}}
                    ]
                },
            )

            figures = self.figures()

            self.assertIsNone(figures["plan"])
            self.assertEqual([line.used for line in usage_lines(figures)], [40])

    def test_nothing(self) -> None:
        """A server that answers with nothing is no source."""
        self.old()
        self.reply("GetUserStatus", 500)
        self.reply("GetCommandModelConfigs", 500)
        self.reply("RetrieveUserQuotaSummary", 400, base="http://127.0.0.1:10002")
        self.reply("GetUserStatus", 400, base="http://127.0.0.1:10002")
        self.reply("GetCommandModelConfigs", 400, base="http://127.0.0.1:10002")

        error = self.failureResultOf(self.ask(), UnreachableError)

        self.assertEqual(str(error.value), "Antigravity runs, but does not tell its usage.")

    def test_connection_lost(self) -> None:
        """Nor is one that goes away in the middle of it."""
        self.old()
        for method in ("GetUserStatus", "GetCommandModelConfigs"):
            self.http.fail("POST", url("https://127.0.0.1:10002", method), DEAD)
        self.http.fail("POST", "http://127.0.0.1:10002", DEAD)

        self.failureResultOf(self.ask(), UnreachableError)


class AddressTests(Case):
    """Which addresses are asked."""

    def test_order(self) -> None:
        """Each port is asked with TLS and then without, and with the first answer that ends."""
        for base in ("https://127.0.0.1:10001", "http://127.0.0.1:10001"):
            self.http.fail("POST", base, DEAD)
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.reply("GetUserStatus", 200, STATUS)

        self.figures(Server((10001, 10002), TOKEN, 42010))

        self.assertEqual(
            self.asked,
            [
                "https://10001/RetrieveUserQuotaSummary",
                "http://10001/RetrieveUserQuotaSummary",
                "https://10002/RetrieveUserQuotaSummary",
                "https://10002/GetUserStatus",
            ],
        )

    def test_fallback_port(self) -> None:
        """The port to fall back to is asked last, without TLS."""
        fallback = "http://127.0.0.1:42010"
        for base in ("https://127.0.0.1:99999", "http://127.0.0.1:99999"):
            self.http.fail("POST", base, DEAD)
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY, fallback)
        self.reply("GetUserStatus", 200, STATUS, fallback)

        self.assertEqual(
            self.lines(Server((99999,), TOKEN, 42010)), [("Session", 36), ("Weekly", 10)]
        )
        self.assertEqual(self.asked[-1], "http://42010/GetUserStatus")

    def test_another_protocol(self) -> None:
        """A port that does not speak HTTP is passed over."""
        self.http.fail("POST", "https://127.0.0.1:10001", UnexpectedResponseError("not HTTP"))
        self.http.fail("POST", "http://127.0.0.1:10001", UnexpectedResponseError("not HTTP"))
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.reply("GetUserStatus", 200, STATUS)

        self.assertEqual(len(self.lines(Server((10001, 10002), TOKEN))), 2)

    def test_another_service(self) -> None:
        """A port that answers, but not as our server, does not keep us from the right one."""
        for method in ("RetrieveUserQuotaSummary", "GetUserStatus", "GetCommandModelConfigs"):
            for scheme in ("https", "http"):
                self.reply(method, 404, base=f"{scheme}://127.0.0.1:10001")
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.reply("GetUserStatus", 200, STATUS)

        self.assertEqual(len(self.lines(Server((10001, 10002), TOKEN))), 2)

    def test_second_server(self) -> None:
        """When the first server tells nothing the second is asked, with its own empty token."""
        for scheme in ("https", "http"):
            self.http.fail("POST", f"{scheme}://127.0.0.1:10001", DEAD)
        self.reply("RetrieveUserQuotaSummary", 200, SUMMARY)
        self.reply("GetUserStatus", 200, STATUS)

        self.lines(Server((10001,), TOKEN), Server((10002,), ""))

        tokens = [request.headers["x-codeium-csrf-token"] for request in self.http.requests]
        self.assertEqual(tokens, [TOKEN, TOKEN, "", ""])

    def test_silence(self) -> None:
        """A server that never answers leaves time for asking Google."""
        self.http.hang("POST", "https://127.0.0.1:10002")
        work = self.ask()
        self.clock.advance(29.9)
        self.assertNoResult(work)

        self.clock.advance(0.2)

        self.failureResultOf(work, ProbeTimeoutError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_cancelled(self) -> None:
        """Cancelling ends the request that is under way."""
        self.http.hang("POST", "https://127.0.0.1:10002")
        work = self.ask()

        work.cancel()

        self.failureResultOf(work, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
