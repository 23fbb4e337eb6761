"""What Google's Cloud Code is asked with a token, in which order, and what stops it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import (
    ProbeError,
    ProbeTimeoutError,
    RateLimitedError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.antigravity.cloud import Cloud
from openusage.providers.antigravity.windows import usage_lines
from openusage.testing import FakeHttp, fake_host

DAILY = "https://daily-cloudcode-pa.googleapis.com"
OTHER = "https://cloudcode-pa.googleapis.com"
SUMMARY = "retrieveUserQuotaSummary"
MODELS = "fetchAvailableModels"
ACCOUNT = "loadCodeAssist"
QUOTA = "retrieveUserQuota"
TOKEN = "ya29.PLANTED-0123456789"

GROUPS = {
    "groups": [
        {"buckets": [{"bucketId": "gemini-5h", "remainingFraction": 0.64}]},
        {"buckets": [{"bucketId": "3p-5h", "remainingFraction": 0.4}]},
    ]
}
LIST = {
    "models": {
        "gemini-3-pro": {"displayName": "Gemini 3 Pro", "quotaInfo": {"remainingFraction": 0.7}},
        "claude": {"displayName": "Claude Opus", "quotaInfo": {"remainingFraction": 0.4}},
    }
}
TIERS = {"paidTier": {"name": "Google AI Pro"}, "currentTier": {"name": "Free"}}
BUCKETS = {
    "buckets": [
        {"modelId": "gemini-3-pro", "remainingFraction": 0.8},
        {"modelId": "gemini-3-flash", "remainingFraction": 0.6},
        {"modelId": "claude-opus", "remainingFraction": 0.4},
    ]
}
UNAVAILABLE = "Antigravity usage is temporarily unavailable. Try again shortly."


def untouched(fraction: float = 1.0) -> dict[str, Any]:
    """A list of models that are all there, and no more."""
    model = {"displayName": "Gemini 3 Pro", "quotaInfo": {"remainingFraction": fraction}}
    return {"models": {"gemini-3-pro": model}}


class Case(SynchronousTestCase):
    """Cloud Code that answers as it is told."""

    def setUp(self) -> None:
        self.http = FakeHttp()

    def reply(self, method: str, status: int = 200, body: Any = "", base: str = DAILY) -> None:
        self.http.reply("POST", f"{base}/v1internal:{method}", status, body)

    def lose(self, method: str, error: ProbeError, base: str = DAILY) -> None:
        self.http.fail("POST", f"{base}/v1internal:{method}", error)

    def unknown(self, *methods: str) -> None:
        """Neither address knows these methods."""
        for method in methods:
            self.reply(method, 404)
            self.reply(method, 404, base=OTHER)

    def ask(self) -> Deferred[dict[str, Any]]:
        host = fake_host(Path(self.mktemp()), http=self.http)
        return Deferred.fromCoroutine(Cloud(host, TOKEN).figures())

    def figures(self) -> dict[str, Any]:
        found = self.successResultOf(self.ask())
        self.assertEqual(self.http.left, [])
        return found

    def used(self, figures: Mapping[str, Any]) -> dict[str, float]:
        return {line.label: line.used for line in usage_lines(figures)}

    def refused(self, kind: type[ProbeError]) -> ProbeError:
        """The error, after which nobody else was asked."""
        error: ProbeError = self.failureResultOf(self.ask(), kind).value
        self.assertEqual(self.http.left, [])
        return error

    @property
    def asked(self) -> list[str]:
        """What was asked: the methods, with a `+` at the second address."""
        return [
            ("" if request.url.startswith(DAILY) else "+") + request.url.partition("internal:")[2]
            for request in self.http.requests
        ]


class RequestTests(Case):
    """What each request carries."""

    def test_headers(self) -> None:
        """The token, and the name of the tool together with our own; certificates are checked."""
        self.unknown(SUMMARY, MODELS)
        self.reply(ACCOUNT, 200, {**TIERS, "cloudaicompanionProject": "projects/x"})
        self.reply(QUOTA, 200, BUCKETS)
        self.figures()

        tools = {SUMMARY: "antigravity", MODELS: "antigravity", ACCOUNT: "agy", QUOTA: "agy"}
        for request in self.http.requests:
            tool = tools[request.url.partition("internal:")[2]]
            self.assertEqual(request.headers["authorization"], f"Bearer {TOKEN}")
            self.assertEqual(request.headers["user-agent"], f"{tool} (compatible; openusage/0)")
            self.assertEqual(request.headers["accept"], "application/json")
            self.assertEqual(request.headers["content-type"], "application/json")
            self.assertEqual(request.timeout, 15)
            self.assertTrue(request.verify)
            self.assertFalse(request.follow_redirects)
        bodies = [request.json() for request in self.http.requests]
        self.assertEqual(bodies[:-1], [{}] * 5)
        self.assertEqual(bodies[-1], {"project": "projects/x"})

    def test_private(self) -> None:
        """The token is not in the `repr`."""
        self.assertNotIn("PLANTED", repr(Cloud(fake_host(Path("nowhere")), TOKEN)))


class SummaryTests(Case):
    """An account for which there is a summary."""

    def test_lines(self) -> None:
        """The summary makes the lines, and the account tells the plan in short."""
        self.reply(SUMMARY, 200, GROUPS)
        self.reply(ACCOUNT, 200, TIERS)

        figures = self.figures()

        self.assertEqual(figures["plan"], "Pro")
        self.assertEqual(self.used(figures), {"Session": 36, "Claude": 60})
        self.assertEqual(self.asked, [SUMMARY, ACCOUNT])

    def test_no_plan(self) -> None:
        """Whatever is wrong with the account, the figures are there, without a plan."""
        for status, body in ((401, ""), (403, ""), (429, ""), (400, ""), (200, {"paidTier": 5})):
            self.http = FakeHttp()
            self.reply(SUMMARY, 200, GROUPS)
            self.reply(ACCOUNT, status, body)
            if status == 400:
                self.reply(ACCOUNT, status, body, OTHER)
            figures = self.figures()
            self.assertIsNone(figures["plan"], status)
            self.assertEqual(len(figures["windows"]), 2, status)

    def test_final(self) -> None:
        """A summary in which nothing is known is an answer: the models are not asked for."""
        self.reply(SUMMARY, 200, {"groups": []})
        self.reply(ACCOUNT, 200, TIERS)

        self.assertEqual(self.figures(), {"plan": "Pro", "windows": []})


class ModelsTests(Case):
    """An account for which there are models only."""

    def test_lines(self) -> None:
        """The models make the lines, and no plan is known."""
        for status, body in ((404, ""), (400, ""), (200, {}), (200, {"groups": None})):
            self.http = FakeHttp()
            self.reply(SUMMARY, status, body)
            if status != 200:
                self.reply(SUMMARY, status, body, OTHER)
            self.reply(MODELS, 200, LIST)

            figures = self.figures()

            self.assertIsNone(figures["plan"])
            self.assertEqual(self.used(figures), {"Gemini Pro": 30, "Claude": 60})

    def test_untouched(self) -> None:
        """Where all models are full the quota tells whether that is so."""
        for fraction in (1, 0.999):
            self.http = FakeHttp()
            self.reply(SUMMARY, 200, {})
            self.reply(MODELS, 200, untouched(fraction))
            self.reply(ACCOUNT, 200, TIERS)
            self.reply(QUOTA, 200, BUCKETS)
            figures = self.figures()
            self.assertEqual(figures["plan"], "Google AI Pro")
            self.assertEqual(self.used(figures)["Gemini Pro"], 20)
        self.http = FakeHttp()
        self.reply(SUMMARY, 200, {})
        self.reply(MODELS, 200, untouched(0.99))
        self.assertEqual(self.used(self.figures()), {"Gemini Pro": 1})

    def test_untouched_indeed(self) -> None:
        """Where there is no quota to be had the models are believed."""
        for status, body in ((401, ""), (403, ""), (404, ""), (200, {})):
            self.http = FakeHttp()
            self.reply(SUMMARY, 200, {})
            self.reply(MODELS, 200, untouched())
            self.reply(ACCOUNT, status, body)
            if status == 404:
                self.reply(ACCOUNT, status, body, OTHER)
            if status == 200:
                self.reply(QUOTA, 200, {"buckets": []})
            figures = self.figures()
            self.assertIsNone(figures["plan"])
            self.assertEqual(self.used(figures), {"Gemini Pro": 0}, status)

    def test_not_known(self) -> None:
        """Where the quota cannot be asked right now, nothing is claimed."""
        self.reply(SUMMARY, 200, {})
        self.reply(MODELS, 200, untouched())
        self.reply(ACCOUNT, 200, TIERS)
        self.reply(QUOTA, 503)
        self.reply(QUOTA, 503, base=OTHER)

        self.refused(UnexpectedResponseError)


class QuotaTests(Case):
    """An account for which there is only the quota of its project."""

    def setUp(self) -> None:
        super().setUp()
        self.old()

    def old(self) -> None:
        self.http = FakeHttp()
        self.reply(SUMMARY, 200, {})
        self.reply(MODELS, 200, {"models": {}})

    def test_lines(self) -> None:
        """The quota makes the lines, and the plan is shown as it is."""
        self.reply(ACCOUNT, 200, TIERS)
        self.reply(QUOTA, 200, BUCKETS)

        figures = self.figures()

        self.assertEqual(figures["plan"], "Google AI Pro")
        self.assertEqual(self.used(figures), {"Gemini Pro": 20, "Gemini Flash": 40, "Claude": 60})
        self.assertEqual(self.asked[2:], [ACCOUNT, QUOTA])
        self.assertEqual(self.http.requests[-1].json(), {})

    def test_project(self) -> None:
        """It is asked for the project, and where that gives nothing, for none."""
        for status, body in ((401, ""), (403, ""), (404, ""), (200, {}), (200, {"buckets": []})):
            self.old()
            self.reply(ACCOUNT, 200, {"cloudaicompanionProject": " projects/x "})
            self.reply(QUOTA, status, body)
            if status == 404:
                self.reply(QUOTA, status, body, OTHER)
            self.reply(QUOTA, 200, BUCKETS)
            self.assertEqual(len(self.figures()["windows"]), 3)
            bodies = [
                request.json() for request in self.http.requests if request.url.endswith(QUOTA)
            ]
            self.assertEqual(bodies[0], {"project": "projects/x"})
            self.assertEqual(bodies[-1], {})

    def test_no_project(self) -> None:
        """What is no name of a project is none."""
        for project in (None, "", " ", 5, {"id": "x"}):
            self.old()
            self.reply(ACCOUNT, 200, {"cloudaicompanionProject": project})
            self.reply(QUOTA, 200, BUCKETS)
            self.figures()
            self.assertEqual(self.http.requests[-1].json(), {})

    def test_refused(self) -> None:
        """An account that is refused is the end of it, and so is a refused quota."""
        self.reply(ACCOUNT, 403)
        self.refused(TokenExpiredError)
        self.old()
        self.reply(ACCOUNT, 200, TIERS)
        self.reply(QUOTA, 401)
        self.refused(TokenExpiredError)

    def test_no_answer(self) -> None:
        """Without an account the quota is not asked for."""
        for base in (DAILY, OTHER):
            self.lose(ACCOUNT, UnreachableError("connection refused"), base)

        self.assertEqual(str(self.refused(UnreachableError)), UNAVAILABLE)

    def test_nothing(self) -> None:
        """Where nobody tells anything that is an error, and not an empty success."""
        self.reply(ACCOUNT, 200, {})
        self.reply(QUOTA, 200, {"buckets": [{"remainingFraction": 0.5}]})

        error = self.refused(UnexpectedResponseError)

        self.assertEqual(str(error), "Usage response invalid. Try again later.")


class AddressTests(Case):
    """The two addresses of Cloud Code."""

    def test_second(self) -> None:
        """When the first fails in any way but a refusal the second is asked."""
        dead = UnreachableError("connection refused")
        for outcome in (dead, ProbeTimeoutError("no answer"), 500, 503, 302, 404, 200):
            self.http = FakeHttp()
            if isinstance(outcome, int):
                self.reply(SUMMARY, outcome, "{bad json")
            else:
                self.lose(SUMMARY, outcome)
            self.reply(SUMMARY, 200, GROUPS, OTHER)
            self.reply(ACCOUNT, 200, TIERS)
            self.assertEqual(len(self.figures()["windows"]), 2, outcome)
            self.assertEqual(self.asked, [SUMMARY, f"+{SUMMARY}", ACCOUNT])

    def test_refused(self) -> None:
        """A token that the first refuses is not shown to the second."""
        for status in (401, 403):
            self.reply(SUMMARY, status)
            error = self.refused(TokenExpiredError)
        self.assertEqual(
            str(error), "Antigravity sign-in expired. Open Antigravity or run `agy` to refresh."
        )

    def test_rate_limited(self) -> None:
        """Nor is one asked by whom the other wants to be left alone."""
        self.http.reply("POST", f"{DAILY}/", 429, headers={"Retry-After": "77"})

        error = self.refused(RateLimitedError)

        assert isinstance(error, RateLimitedError)
        self.assertEqual(error.retry_after, 77)

    def test_unavailable(self) -> None:
        """When both fail that is an error of its class, and nothing else is asked."""
        for outcome, kind in (
            (UnreachableError("connection refused"), UnreachableError),
            (ProbeTimeoutError("no answer"), ProbeTimeoutError),
            (500, UnexpectedResponseError),
            (408, UnexpectedResponseError),
            (302, UnexpectedResponseError),
        ):
            for base in (DAILY, OTHER):
                if isinstance(outcome, int):
                    self.reply(SUMMARY, outcome, base=base)
                else:
                    self.lose(SUMMARY, outcome, base)
            self.assertEqual(str(self.refused(kind)), UNAVAILABLE, outcome)

    def test_not_json(self) -> None:
        """Answers of both that cannot be read are an error."""
        for base in (DAILY, OTHER):
            self.reply(SUMMARY, 200, "<html>", base)

        self.refused(UnexpectedResponseError)

    def test_unknown(self) -> None:
        """When neither knows any method that is an error as well."""
        self.unknown(SUMMARY, MODELS, ACCOUNT)

        self.assertEqual(str(self.refused(UnexpectedResponseError)), UNAVAILABLE)
        self.assertEqual(len(self.http.requests), 6)
