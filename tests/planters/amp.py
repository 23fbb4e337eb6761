"""The key of the Amp CLI, and what ampcode.com says of its account."""

from __future__ import annotations

from tests.planters.planter import ACCESS, EMAIL, OWNER, Planter

__all__ = ["PLANTER"]

PLANTER = Planter(
    id="amp",
    file=".local/share/amp/secrets.json",
    everywhere=True,
    login={"apiKey@https://ampcode.com/": ACCESS, "owner": OWNER},
    answers={
        "POST https://ampcode.com/api/internal": {
            "ok": True,
            "result": {
                "displayText": (
                    f"Signed in as {EMAIL} (PLANTED)\n"
                    "Amp Free: $7.25/$10 remaining (replenishes +$0.42/hour) "
                    "[+50% bonus for 3 more days] - https://ampcode.com/settings#amp-free\n"
                    "Individual credits: $3.10 remaining - https://ampcode.com/settings"
                ),
                **OWNER,
            },
            **OWNER,
        }
    },
    plan="Free",
)
