"""The usage of the first stored login that is good."""

from __future__ import annotations

from attrs import define, field

from openusage.host import Host
from openusage.model import (
    NotAvailableError,
    NotLoggedInError,
    ProbeError,
    TokenExpiredError,
)
from openusage.providers.codex.answer import Answer
from openusage.providers.codex.config import Config
from openusage.providers.codex.credentials import Source, auth_files, auth_item, opencode_files
from openusage.providers.codex.login import Nothing
from openusage.providers.codex.usage import fetch_usage
from openusage.providers.codex.words import API_KEY, NOT_LOGGED_IN

__all__ = ["find_usage"]


async def find_usage(host: Host, config: Config) -> Answer:
    """Ask with one login after the other, as long as they are refused.

    Raises what keeps the service from answering; the last refusal when all logins are refused;
    `NotAvailableError` when there is an API key only; `NotLoggedInError` when there is nothing.
    """
    search = _Search(host, config)
    for file in auth_files(host):
        if answer := await search.ask(file):
            return answer
    if search.api_key and search.refused is None:  # no reason to bother the keychain
        raise search.failure()
    item = await auth_item(host, config)
    if item and (answer := await search.ask(item)):
        return answer
    if not search.api_key and search.refused is None:
        for opencode in opencode_files(host):
            host.watch(opencode.path)
            if answer := await search.ask(opencode):
                return answer
    raise search.failure()


@define
class _Search:
    host: Host
    config: Config
    refused: TokenExpiredError | None = None
    api_key: bool = False
    _missed: list[str] = field(factory=list)

    async def ask(self, source: Source) -> Answer | None:
        """What the login at `source` has used; `None` when there is none or it is refused."""
        stored = await source.read(self.host)
        if isinstance(stored, Nothing):
            self.api_key = self.api_key or stored.api_key
            self._missed.append(f"{source.label} {stored.reason}")
            return None
        try:
            return await fetch_usage(self.host, self.config, source, stored)
        except TokenExpiredError as error:
            self.refused = error
            return None

    def failure(self) -> ProbeError:
        if self.refused is not None:
            return self.refused
        if self.api_key:
            return NotAvailableError(API_KEY)
        return NotLoggedInError(f"{NOT_LOGGED_IN} ({'; '.join(self._missed)}.)")
