"""Tests for `openusage.host.labels`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.labels import plan_label


class PlanLabelTests(SynchronousTestCase):
    """`plan_label`."""

    def test_words(self) -> None:
        """The first letter of each word becomes upper case and nothing else changes."""
        for value, label in (
            ("team_plan", "Team_plan"),
            ("max 5x", "Max 5x"),
            ("pro", "Pro"),
            ("pro plan", "Pro Plan"),
            ("GLM Coding Max", "GLM Coding Max"),
            ("individual_pro", "Individual_pro"),
            ("pay-as-you-go", "Pay-as-you-go"),
            ("  free\ttier ", "Free\tTier"),
            ("\u00e9tudiant plus", "\u00e9tudiant Plus"),
        ):
            self.assertEqual(plan_label(value), label)

    def test_none(self) -> None:
        """Blank text and what is no text is no plan."""
        values: tuple[object, ...] = (None, "", "  ", 5, True, [], {"name": "pro"})
        for value in values:
            self.assertIsNone(plan_label(value), value)

    @given(st.text())
    @settings(deadline=None, max_examples=200)
    def test_any_text(self, text: str) -> None:
        """A label differs from the trimmed text in nothing but case."""
        label = plan_label(text)

        self.assertEqual((label or "").lower(), text.strip().lower())
