"""Amp: the daily free allowance, the subscription and the credits of an ampcode.com account.

Sources, seen 2026-11: the endpoint behind the CLI's own `amp usage`, which answers with a text for
people and no figures of their own, and the file in which the CLI keeps its key:

    {"apiKey@https://ampcode.com/": "sgamp_user_…"}

`text` reads that text, `lines` shows what it told, `provider` does the rest.
"""

from __future__ import annotations

from openusage.providers.amp.provider import Amp

__all__ = ["Amp"]
