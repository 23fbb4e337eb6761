"""One login's usage: which request follows which when the service refuses a token.

A refused token is no reason to give up at once: the CLI may have stored a new one a moment ago, and
where the person allowed it, the login is renewed here. Each step is taken once.
"""

from __future__ import annotations

from attrs import define

from openusage.host import Host
from openusage.host.oauth import RefusedError, renew
from openusage.model import ProbeError, TokenExpiredError
from openusage.providers.codex.answer import Answer
from openusage.providers.codex.config import Config
from openusage.providers.codex.credentials import Source
from openusage.providers.codex.login import Login
from openusage.providers.codex.memory import Memory
from openusage.providers.codex.refresh import LoginPlace
from openusage.providers.codex.service import Service
from openusage.providers.codex.words import token_expired
from openusage.providers.words import require_unexpired

__all__ = ["fetch_usage"]


async def fetch_usage(host: Host, config: Config, source: Source, login: Login) -> Answer:
    """What `login`, read from `source`, has used, or what the service said less than a minute ago.

    Raises `TokenExpiredError` when the login is no good and cannot be made good here, else whatever
    kept the service from answering; within a minute the same again, without a request.
    """
    host.identify(login.identity)
    if not (host.refresh_credentials and login.refresh_token):
        cure = f"Run `{login.tool}` once to renew it."
        require_unexpired(login.expires_at, host.now(), cure)
    memory = await Memory.recall(host)
    memory.refuse_again(login)
    answer = memory.recent_answer()
    return answer or await _attempt(host, config, source, login, memory)


async def _attempt(
    host: Host, config: Config, source: Source, login: Login, memory: Memory
) -> Answer:
    attempt = _Attempt(host, Service(host, config), memory, LoginPlace(host, source, login), login)
    try:
        answer = await attempt.run(login)
    except ProbeError as error:
        await memory.failed(attempt.last, error)
        raise
    await memory.answered(answer)
    return answer


@define
class _Attempt:
    """`last` is the login that was sent last."""

    host: Host
    service: Service
    memory: Memory
    place: LoginPlace
    last: Login

    async def run(self, login: Login) -> Answer:
        refused = None
        try:
            login = await self._renewed_in_time(login)
        except RefusedError as error:  # the access token may still be good for a while
            refused = error
        answer = await self._ask(login) or await self._recover(login, refused)
        if answer is None:
            raise TokenExpiredError(token_expired(login.tool))
        return answer

    async def _renewed_in_time(self, login: Login) -> Login:
        if login.refresh_token is None or not self.place.due(login):
            return login
        return await renew(self.host, login, self.place) or login

    async def _recover(self, login: Login, refused: RefusedError | None) -> Answer | None:
        stored = await self.place.reload()
        if stored is not None and stored.document not in (
            login.document,
            self.place.first.document,  # still there when the renewed login could not be saved
        ):
            return await self._ask(stored) or await self._ask_renewed(stored)
        if refused is not None:
            raise refused
        return await self._ask_renewed(login)

    async def _ask_renewed(self, login: Login) -> Answer | None:
        if self.place.spent:  # a token made a moment ago was refused: another would be too
            return None
        renewed = await renew(self.host, login, self.place)
        return None if renewed is None else await self._ask(renewed)

    async def _ask(self, login: Login) -> Answer | None:
        self.last = login
        await self.memory.asking(login)
        return await self.service.ask(login, refreshed=self.place.spent)
