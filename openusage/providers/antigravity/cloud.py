"""Google's Cloud Code, which Antigravity itself asks for the person's quota (seen 2026-11).

The quota summary is asked first. Where it is not known, the models are, and where these tell
nothing, the quota of the account's project. Of the two addresses the second one is asked when the
first one fails, and not when it refuses the token: the other would, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from openusage.host import Host
from openusage.host.values import text_of
from openusage.model import (
    ProbeError,
    TokenExpiredError,
    UnexpectedResponseError,
    UnreachableError,
)
from openusage.providers.antigravity.models import (
    Model,
    available_models,
    bucket_models,
    pool_windows,
)
from openusage.providers.antigravity.plans import account_plan, short_plan
from openusage.providers.antigravity.summary import summary_windows
from openusage.providers.antigravity.windows import figures
from openusage.providers.antigravity.words import CLOUD
from openusage.providers.asking import ask

__all__ = ["Cloud"]

_BASES = ("https://daily-cloudcode-pa.googleapis.com", "https://cloudcode-pa.googleapis.com")
_TOOLS = {
    "retrieveUserQuotaSummary": "antigravity",
    "fetchAvailableModels": "antigravity",
    "loadCodeAssist": "agy",
    "retrieveUserQuota": "agy",
}
"""The methods, each with the tool that asks for it."""
_TIMEOUT = 15.0
_TIMED_OUT = 408
# As much as this is left of every model when an answer tells no more than that they are there.
_UNTOUCHED = 0.999


@frozen
class Cloud:
    """Cloud Code, asked with one access token."""

    host: Host
    token: str = field(repr=False)

    async def figures(self) -> dict[str, Any]:
        """What is left.

        Raises `TokenExpiredError` when the token is refused, `RateLimitedError`,
        `UnreachableError` or `UnexpectedResponseError`.
        """
        windows = summary_windows(await self._call_if_known("retrieveUserQuotaSummary"))
        if windows is not None:
            return figures(await self._short_plan(), windows)
        models = available_models(await self._call_if_known("fetchAvailableModels"))
        if any(model.remaining < _UNTOUCHED for model in models):
            return figures(None, pool_windows(models))
        return await self._project_figures(models)

    async def _project_figures(self, models: list[Model]) -> dict[str, Any]:
        """What is left for the account's project; for want of that, what `models` tell."""
        plan, buckets = None, list[Model]()
        try:
            account = await self._call("loadCodeAssist")
            plan = account_plan(account)
            buckets = await self._quota(text_of(account.get("cloudaicompanionProject")))
        except (TokenExpiredError, UnexpectedResponseError) as error:
            if not models or not (isinstance(error, TokenExpiredError) or _is_unknown(error)):
                raise
        windows = pool_windows(buckets or models)
        if not windows:
            raise UnexpectedResponseError(CLOUD.invalid)
        return figures(plan if buckets else None, windows)

    async def _quota(self, project: str | None) -> list[Model]:
        if project is not None:
            try:
                models = await self._buckets({"project": project})
            except TokenExpiredError:  # the project is not ours to ask for
                models = []
            if models:
                return models
        return await self._buckets()

    async def _buckets(self, body: Mapping[str, str] | None = None) -> list[Model]:
        return bucket_models(await self._call_if_known("retrieveUserQuota", body))

    async def _short_plan(self) -> str | None:
        """The plan, without which the figures are just as good."""
        try:
            return short_plan(account_plan(await self._call("loadCodeAssist")))
        except ProbeError:
            return None

    async def _call_if_known(
        self, method: str, body: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """The same; empty where Cloud Code has no such method, or not for this account."""
        try:
            return await self._call(method, body)
        except UnexpectedResponseError as error:
            if _is_unknown(error):
                return {}
            raise

    async def _call(self, method: str, body: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """The answer of the first address that gives one."""
        trouble: ProbeError = UnexpectedResponseError(CLOUD.invalid)
        for base in _BASES:
            try:
                return await ask(
                    self.host,
                    "POST",
                    f"{base}/v1internal:{method}",
                    CLOUD,
                    headers={
                        "Accept": "application/json",
                        "Authorization": f"Bearer {self.token}",
                        "User-Agent": self.host.agent(_TOOLS[method]),
                    },
                    json=dict(body or {}),
                    timeout=_TIMEOUT,
                )
            except (UnreachableError, UnexpectedResponseError) as error:
                trouble = error
        raise trouble


def _is_unknown(error: UnexpectedResponseError) -> bool:
    """Whether the request was not understood, which it will not be the next time either."""
    return error.status is not None and error.status // 100 == 4 and error.status != _TIMED_OUT
