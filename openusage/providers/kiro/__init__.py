"""Kiro: the credits of a plan, those of a trial or bonus, and whether overage is allowed.

The app keeps in its own files what its service told it last: `local` reads them. Only where they
are missing or old is the service asked (`service`), with the login that `login` finds. `usage` is
what all three tell, `provider` puts it together. Everything seen 2026-11.
"""

from __future__ import annotations

from openusage.providers.kiro.provider import Kiro

__all__ = ["Kiro"]
