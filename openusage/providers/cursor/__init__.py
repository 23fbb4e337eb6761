"""Cursor: usage, credits and on-demand spend of the billing cycle, and tokens per day.

To be read in this order: `credentials` (what is stored, and where), `service` (all that is sent),
`mapping` (which answers tell of an account, and those of a plan with a limit as lines) with
`figures` (amounts and cycles) and `summary` (accounts that count requests, or a team's spend),
`export` (the history), `provider` (it all).
"""

from openusage.providers.cursor.provider import Cursor

__all__ = ["Cursor"]
