"""Quota summaries, models and plans as metric lines."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.model import Progress, Snapshot
from openusage.providers.antigravity.models import (
    Model,
    available_models,
    bucket_models,
    config_models,
    pool_windows,
)
from openusage.providers.antigravity.plans import account_plan, short_plan, status_plan
from openusage.providers.antigravity.summary import summary_windows
from openusage.providers.antigravity.windows import SHAPE, figures, usage_lines
from openusage.providers.shape import cut
from openusage.testing import NOW
from openusage.wire import encode

FIVE_HOURS = 18_000_000
WEEK = 604_800_000
RESET = "2026-02-08T09:10:56Z"
AT = datetime(2026, 2, 8, 9, 10, 56, tzinfo=timezone.utc)


def lines(windows: list[dict[str, Any]] | None) -> list[Progress]:
    """The lines of windows that have been on the disk."""
    kept = json.loads(json.dumps(cut(figures(None, windows or []), SHAPE)))
    return usage_lines(kept)


def used(windows: list[dict[str, Any]] | None) -> dict[str, float]:
    return {line.label: line.used for line in lines(windows)}


def config(label: Any, fraction: Any = None, reset: Any = None, model: Any = None) -> Any:
    """An entry of `clientModelConfigs`; a `fraction` of `None` is left out."""
    quota = {"remainingFraction": fraction, "resetTime": reset}
    quota = {key: value for key, value in quota.items() if value is not None}
    return {"label": label, "modelOrAlias": {"model": model}, "quotaInfo": quota}


def pools(*configs: Any) -> dict[str, float]:
    """The used shares by pool, in the order of the lines."""
    return used(pool_windows(config_models(list(configs))))


def bucket(name: str, **more: Any) -> dict[str, Any]:
    return {"bucketId": name, **more}


def groups(*buckets: Any) -> dict[str, Any]:
    return {"groups": [{"displayName": "Models", "buckets": list(buckets)}]}


class SummaryTests(SynchronousTestCase):
    """`summary_windows`."""

    def test_lines(self) -> None:
        """Each of the four buckets is a line with its own period, in the order of the lines."""
        body = groups(
            bucket("3p-weekly", remainingFraction=0.75),
            bucket("3p-5h", remainingFraction=0.4),
            bucket("gemini-weekly", remainingFraction=0.9),
            bucket("gemini-5h", remainingFraction=0.64, resetTime=RESET, disabled=False),
        )

        self.assertEqual(
            lines(summary_windows(body)),
            [
                Progress("Session", 36, 100, resets_at=AT, period_ms=FIVE_HOURS),
                Progress("Weekly", 10, 100, period_ms=WEEK),
                Progress("Claude", 60, 100, period_ms=FIVE_HOURS),
                Progress("Claude Weekly", 25, 100, period_ms=WEEK),
            ],
        )

    def test_wrapped(self) -> None:
        """The local server wraps it in a `response`."""
        body = {"response": groups(bucket("gemini-5h", remainingFraction=1))}

        self.assertEqual(used(summary_windows(body)), {"Session": 0})

    def test_none(self) -> None:
        """What has no groups is no summary."""
        body: dict[str, Any]
        for body in ({}, {"groups": None}, {"groups": {}}, {"response": {}}, {"response": [1]}):
            self.assertIsNone(summary_windows(body), body)

    def test_empty(self) -> None:
        """A summary without a bucket that is known is one nevertheless."""
        body: dict[str, Any]
        for body in ({"groups": []}, groups(), groups(bucket("image-5h", remainingFraction=0.5))):
            self.assertEqual(summary_windows(body), [], body)

    def test_fractions(self) -> None:
        """A fraction stands in one of three forms; without any there is no line."""
        more: dict[str, Any]
        for more, share in (
            ({"remainingFraction": 0.4}, 60),
            ({"remainingFraction": "0.4"}, 60),
            ({"remaining": {"remainingFraction": 0.4}}, 60),
            ({"remaining": {"case": "remainingFraction", "value": 0.4}}, 60),
            ({"remainingFraction": None, "remaining": {"remainingFraction": 0}}, 100),
            ({"remainingFraction": 1.5}, 0),
            ({"remainingFraction": -0.3}, 100),
        ):
            windows = summary_windows(groups(bucket("gemini-5h", **more)))
            self.assertEqual(used(windows), {"Session": share}, more)
        for more in (
            {},
            {"remainingFraction": None},
            {"remainingFraction": "much"},
            {"remainingFraction": True},
            {"remainingFraction": float("nan")},
            {"remainingFraction": 10**400},
            {"remaining": 0.4},
            {"remaining": {"case": "remainingAmount", "value": 0.4}},
            {"remaining": {"value": 0.4}},
        ):
            self.assertEqual(summary_windows(groups(bucket("gemini-5h", **more))), [], more)

    def test_twice(self) -> None:
        """Of buckets with the same id the first counts, even if it tells nothing."""
        first, second = (bucket("gemini-5h", remainingFraction=share) for share in (0.1, 0.9))

        self.assertEqual(used(summary_windows(groups(first, second))), {"Session": 90})
        self.assertEqual(summary_windows(groups(bucket("gemini-5h"), second)), [])

    def test_exact_ids(self) -> None:
        """Ids that are only alike are not taken for another."""
        names = ("Gemini-5h", "gemini-5h ", "gemini_5h", "gemini", 5, None)
        body = groups(*({"bucketId": name, "remainingFraction": 0.5} for name in names))

        self.assertEqual(summary_windows(body), [])


class PoolTests(SynchronousTestCase):
    """`pool_windows` of `config_models`."""

    def test_lowest(self) -> None:
        """Of each pool the model with the least left counts; a missing fraction is nothing left."""
        found = pools(
            config("Gemini 3 Pro (High)", 0.8),
            config("Gemini 3 Pro (Low)", 0.8),
            config("Gemini 3 Flash", 1.0),
            config("Claude Sonnet 4.6"),
            config("Claude Opus 4.6 (Thinking)"),
            config("GPT-OSS 120B (Medium)"),
        )

        self.assertEqual(
            list(found.items()), [("Gemini Pro", 20), ("Gemini Flash", 0), ("Claude", 100)]
        )

    def test_depleted(self) -> None:
        """One that is used up wins over one that is not, together with its own reset."""
        entry = config("Gemini 3 Pro (Low)")
        del entry["quotaInfo"]
        windows = pool_windows(config_models([config("Gemini 3 Pro (High)", 0.5, RESET), entry]))

        self.assertEqual(lines(windows), [Progress("Gemini Pro", 100, 100, period_ms=FIVE_HOURS)])

    def test_tie(self) -> None:
        """Of two that are alike the first one tells when it resets."""
        models = [Model("Gemini Pro", 0.5, RESET), Model("Gemini Pro", 0.5, None)]

        self.assertEqual(lines(pool_windows(models))[0].resets_at, AT)
        self.assertIsNone(lines(pool_windows(models[::-1]))[0].resets_at)

    def test_all_depleted(self) -> None:
        """Where no model has a quota all is used."""
        self.assertEqual(
            pools(config("Gemini Pro"), config("Gemini Flash"), config("Claude")),
            {"Gemini Pro": 100, "Gemini Flash": 100, "Claude": 100},
        )

    def test_fractions(self) -> None:
        """Fractions are brought between 0 and 1; one that cannot be read tells nothing."""
        fraction: Any
        for fraction, share in (
            (1.5, 0),
            (-0.3, 100),
            (0.5, 50),
            ("0.5", 50),
            (0, 100),
            (1e308, 0),
        ):
            self.assertEqual(pools(config("Gemini Pro", fraction)), {"Gemini Pro": share}, fraction)
        for fraction in ("much", True, {}, [0.5], float("inf"), 10**400):
            self.assertEqual(pools(config("Gemini Pro", fraction)), {}, fraction)

    def test_no_reset(self) -> None:
        """A quota without a reset, or with one that cannot be read, is a line without one."""
        for reset in (None, "", "soon", {"seconds": 5}, [RESET], True):
            windows = pool_windows(config_models([config("Gemini Pro", 0.5, reset)]))
            self.assertEqual(
                lines(windows), [Progress("Gemini Pro", 50, 100, period_ms=FIVE_HOURS)], reset
            )

    def test_reset(self) -> None:
        """A reset comes out as the instant that went in."""
        windows = pool_windows(config_models([config("Gemini Pro", 0.5, RESET)]))
        snapshot = Snapshot("antigravity", "Antigravity", None, tuple(lines(windows)), NOW)

        self.assertEqual(lines(windows)[0].resets_at, AT)
        self.assertIn("2026-02-08T09:10:56", encode(snapshot).decode())

    def test_pools(self) -> None:
        """A model's name tells its pool; what is in parentheses behind it does not."""
        for label, pool in (
            ("Gemini 3.1 Pro (High)", "Gemini Pro"),
            ("GEMINI 3 PRO", "Gemini Pro"),
            ("gemini-3-pro", "Gemini Pro"),
            ("Gemini 3 Flash", "Gemini Flash"),
            ("Gemini 3 Ultra", "Claude"),
            ("Gemini 3 (Pro)", "Claude"),
            ("Gemini (new) Flash", "Gemini Flash"),
            ("Claude Opus 4.6 (Gemini Pro)", "Claude"),
            ("GPT-OSS 120B", "Claude"),
            ("Pro", "Claude"),
            ("(Gemini Pro)", "Claude"),
        ):
            self.assertEqual(pools(config(label, 0.5)), {pool: 50}, label)

    def test_skipped(self) -> None:
        """Models without a name, and those that nobody can choose, are left out."""
        for label in ("", " ", None, 5, ["Gemini Pro"]):
            self.assertEqual(pools(config(label, 0.5)), {}, label)
        for model in (
            "MODEL_CHAT_20706",
            "MODEL_CHAT_23310",
            "MODEL_GOOGLE_GEMINI_2_5_FLASH",
            "MODEL_GOOGLE_GEMINI_2_5_FLASH_THINKING",
            "MODEL_GOOGLE_GEMINI_2_5_FLASH_LITE",
            "MODEL_GOOGLE_GEMINI_2_5_PRO",
            "MODEL_PLACEHOLDER_M19",
            "MODEL_PLACEHOLDER_M9",
            "MODEL_PLACEHOLDER_M12",
        ):
            self.assertEqual(pools(config("Claude Opus", model=model)), {}, model)
        self.assertEqual(
            pools(config("Claude Opus", 0.5, model="MODEL_PLACEHOLDER_M26")), {"Claude": 50}
        )

    def test_no_models(self) -> None:
        """What is no list of models has none."""
        configs: Any
        for configs in (None, {}, "models", 5, [None, 5, "x", []]):
            self.assertEqual(config_models(configs), [], configs)


class AvailableModelsTests(SynchronousTestCase):
    """`available_models`."""

    def shares(self, models: Any) -> dict[str, float]:
        return used(pool_windows(available_models({"models": models})))

    def test_lowest(self) -> None:
        """The variants of a model share its pool."""
        quotas = {"high": ("Gemini 3 Pro (High)", 0.7), "low": ("Gemini 3 Pro (Low)", 0.9)}
        models = {
            key: {"displayName": label, "quotaInfo": {"remainingFraction": fraction}}
            for key, (label, fraction) in quotas.items()
        }

        self.assertEqual(self.shares(models), {"Gemini Pro": 30})

    def test_no_quota(self) -> None:
        """A model without a quota has nothing left."""
        self.assertEqual(self.shares({"a": {"displayName": "Gemini Flash"}}), {"Gemini Flash": 100})

    def test_name(self) -> None:
        """A model is known by its display name, else by its label."""
        quota = {"quotaInfo": {"remainingFraction": 0.5}}
        for names in (
            {"displayName": "Gemini Pro", "label": "Claude"},
            {"displayName": "", "label": "Gemini Pro"},
            {"displayName": None, "label": "Gemini Pro"},
            {"label": "Gemini Pro"},
        ):
            self.assertEqual(self.shares({"a": {**quota, **names}}), {"Gemini Pro": 50}, names)
        self.assertEqual(self.shares({"gemini-pro": quota}), {})

    def test_skipped(self) -> None:
        """Internal models, and those that nobody can choose, by their id or key, are left out."""
        named = {"displayName": "Gemini Pro"}
        self.assertEqual(self.shares({"a": {**named, "isInternal": True}}), {})
        self.assertEqual(self.shares({"MODEL_GOOGLE_GEMINI_2_5_PRO": named}), {})
        self.assertEqual(
            self.shares({"a": {**named, "model": "MODEL_GOOGLE_GEMINI_2_5_FLASH"}}), {}
        )
        self.assertEqual(
            self.shares({"MODEL_CHAT_20706": {**named, "model": "MODEL_X", "isInternal": False}}),
            {"Gemini Pro": 100},
        )

    def test_no_models(self) -> None:
        """What is no map of models has none."""
        models: Any
        for models in (None, [], "x", {"a": None, "b": 5, "c": []}):
            self.assertEqual(self.shares(models), {}, models)


class BucketModelsTests(SynchronousTestCase):
    """`bucket_models`."""

    def test_lines(self) -> None:
        """Buckets are known by the ids of their models."""
        body = {
            "buckets": [
                {"modelId": "gemini-3-pro", "remainingFraction": 0.8},
                {"modelId": "gemini-3-flash", "remainingFraction": 0.6, "resetTime": RESET},
                {"modelId": "claude-opus-4-6", "remainingFraction": 0.4},
                {"remainingFraction": 0.1},
                {"modelId": " ", "remainingFraction": 0.1},
            ]
        }
        windows = pool_windows(bucket_models(body))

        self.assertEqual(used(windows), {"Gemini Pro": 20, "Gemini Flash": 40, "Claude": 60})
        self.assertEqual(lines(windows)[1].resets_at, AT)

    def test_none(self) -> None:
        """What is no list of buckets has none."""
        buckets: Any
        for buckets in (None, {}, 5, [None]):
            self.assertEqual(bucket_models({"buckets": buckets}), [], buckets)


class PlanTests(SynchronousTestCase):
    """`short_plan`, `status_plan` and `account_plan`."""

    def test_short(self) -> None:
        """A plan is told by the word that matters."""
        for name, short in (
            ("Google AI Pro", "Pro"),
            ("Google AI Ultra for Business", "Ultra for Business"),
            ("Gemini Code Assist in Google One AI Pro", "Pro"),
            ("gemini ULTRA or pro", "Ultra"),
            ("free of charge", "Free"),
            ("Gemini Code Assist", "Gemini Code Assist"),
            (None, None),
        ):
            self.assertEqual(short_plan(name), short, name)

    def test_account(self) -> None:
        """The tier that is paid for goes before the one in force."""
        paid, current = {"name": "Google AI Pro"}, {"name": "Free"}
        for body, plan in (
            ({"paidTier": paid, "currentTier": current}, "Google AI Pro"),
            ({"currentTier": current}, "Free"),
            ({"paidTier": {"name": " "}, "currentTier": current}, "Free"),
            ({"paidTier": None, "currentTier": "Free"}, None),
            ({}, None),
        ):
            self.assertEqual(account_plan(body), plan, body)

    def test_status(self) -> None:
        """A blank tier gives way to the plan, and without either there is none."""
        info = {"planStatus": {"planInfo": {"planName": "Pro"}}}
        self.assertEqual(
            status_plan({"userTier": {"name": "Google AI Ultra"}, **info}), "Google AI Ultra"
        )
        self.assertEqual(status_plan({"userTier": {"name": ""}, **info}), "Pro")
        self.assertIsNone(status_plan({"userTier": [], "planStatus": {"planInfo": 5}}))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["gemini-5h", "3p-weekly", "remainingFraction", "Gemini Pro", RESET]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *(
                        "groups",
                        "buckets",
                        "bucketId",
                        "remainingFraction",
                        "remaining",
                        "resetTime",
                    ),
                    *("models", "displayName", "quotaInfo", "label", "modelId", "modelOrAlias"),
                    *("response", "windows", "plan", "case", "value"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


class AnythingTests(SynchronousTestCase):
    """Any JSON, be it from the service or from the disk."""

    @settings(deadline=None, max_examples=200)
    @given(JSON)
    def test_lines(self, value: Any) -> None:
        """Any JSON is read as lines that hold, or as none."""
        body = value if isinstance(value, dict) else {"windows": value}
        windows = [
            *(summary_windows(body) or []),
            *pool_windows(available_models(body)),
            *pool_windows(bucket_models(body)),
            *pool_windows(config_models(value)),
        ]
        for found in (usage_lines(body), lines(windows)):
            self.assertEqual({type(line) for line in found} - {Progress}, set())
            self.assertTrue(all(0 <= line.used <= 100 for line in found))
        for plan in (status_plan(body), short_plan(account_plan(body))):
            self.assertIsInstance(plan, (str, type(None)))

    def test_kept(self) -> None:
        """What was kept of labels that are not ours, or without a figure, is no line."""
        for kept in (
            {"label": "Session"},
            {"label": "Session", "remaining": None},
            {"label": "Session", "remaining": []},
            {"label": "Someone else's", "remaining": 0.5},
            {"label": ["Session"], "remaining": 0.5},
            {"label": None, "remaining": 0.5},
        ):
            self.assertEqual(usage_lines({"windows": [kept]}), [], kept)
