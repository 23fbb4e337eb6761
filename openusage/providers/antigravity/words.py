"""What the person is told when something goes wrong."""

from __future__ import annotations

from openusage.providers.asking import Words

__all__ = ["CLOUD", "DAMAGED", "EXPIRED", "NOT_LOGGED_IN", "SILENT", "UNAVAILABLE"]

NOT_LOGGED_IN = "Start Antigravity or run `agy` and try again."
DAMAGED = "Antigravity credentials are invalid. Open Antigravity or run `agy` to sign in again."
EXPIRED = "Antigravity sign-in expired. Open Antigravity or run `agy` to refresh."
UNAVAILABLE = "Antigravity usage is temporarily unavailable. Try again shortly."
SILENT = "Antigravity runs, but does not tell its usage."

CLOUD = Words(refused=EXPIRED, unreachable=UNAVAILABLE, status=UNAVAILABLE)
