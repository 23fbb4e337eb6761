"""Antigravity: the quota pools of Google's IDE and of its command line tool `agy`.

To be read in this order: `processes` (which running program is meant) and `local` (what it is
asked), `tokens` (logins that are stored) with `client` and `renewing` (a new token for an old one)
and `cloud` (what Google is asked), `summary` and `models` (the two kinds of answers) with `plans`,
`windows` (what is kept of them, as lines), `provider` (it all). `words` is what people are told.
"""

from openusage.providers.antigravity.provider import Antigravity

__all__ = ["Antigravity"]
