"""Codex: limits and credits of a ChatGPT plan, and what the local logs of the Codex CLI tell.

To be read in this order: `login` and `credentials` (what is stored, and where), `service` (all that
is sent) with `memory` (how seldom), `usage` and `search` (what follows a refusal), `mapping` with
`windows` (an answer as lines), `history` and `offline` (the CLI's own logs), `provider` (it all).
"""

from openusage.providers.codex.provider import Codex

__all__ = ["Codex"]
