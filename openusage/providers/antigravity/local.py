"""The server in a running Antigravity: a Connect RPC service that speaks JSON (seen 2026-11).

It listens on several ports, with a certificate of its own making, and not on each of them for us:
so all are asked for the quota summary in turn. Where that is not known, as in older versions, the
same address is asked for the models. Nothing here ever goes to another machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred

from openusage.deadline import within
from openusage.host import Host
from openusage.host.values import json_object, object_at
from openusage.model import ProbeError, UnreachableError
from openusage.providers.antigravity.models import config_models, pool_windows
from openusage.providers.antigravity.plans import short_plan, status_plan
from openusage.providers.antigravity.processes import Server
from openusage.providers.antigravity.summary import summary_windows
from openusage.providers.antigravity.windows import figures
from openusage.providers.antigravity.words import SILENT
from openusage.providers.asking import post

__all__ = ["ask_servers"]

_SERVICE = "exa.language_server_pb.LanguageServerService"
_BODY = {
    "metadata": {
        "ideName": "antigravity",
        "extensionName": "antigravity",
        "ideVersion": "unknown",
        "locale": "en",
    }
}
_TIMEOUT = 10.0
_LONGEST = 30.0
"""Seconds for all servers together: a probe needs some for asking Google, too."""


async def ask_servers(host: Host, servers: Sequence[Server]) -> dict[str, Any]:
    """The figures of the first server that has any. Raises `UnreachableError`."""
    return await within(Deferred.fromCoroutine(_ask(host, servers)), _LONGEST, host.clock)


async def _ask(host: Host, servers: Sequence[Server]) -> dict[str, Any]:
    for server in servers:
        for base in server.bases:
            found = await _Address(host, base, server.token).figures()
            if found is not None:
                return found
    raise UnreachableError(SILENT)


@frozen
class _Address:
    host: Host
    base: str
    token: str

    async def figures(self) -> dict[str, Any] | None:
        """What is told here; `None` when that is nothing, or nobody is here."""
        try:
            summary = await self._call("RetrieveUserQuotaSummary")
        except ProbeError:
            return None
        windows = summary_windows(summary)
        status = object_at(await self._call_quietly("GetUserStatus"), "userStatus")
        plan = status_plan(status)
        if windows is not None:
            return figures(short_plan(plan), windows)
        configs = object_at(status, "cascadeModelConfigData").get("clientModelConfigs")
        if not status:
            answer = await self._call_quietly("GetCommandModelConfigs")
            configs = answer.get("clientModelConfigs")
        windows = pool_windows(config_models(configs))
        return figures(plan, windows) if windows else None

    async def _call_quietly(self, method: str) -> Mapping[str, Any]:
        """The same; empty as well when there is no answer."""
        try:
            return await self._call(method)
        except ProbeError:
            return {}

    async def _call(self, method: str) -> Mapping[str, Any]:
        """The JSON object in an answer; empty for any other answer. Raises a `ProbeError`."""
        response = await post(
            self.host,
            f"{self.base}/{_SERVICE}/{method}",
            headers={"Connect-Protocol-Version": "1", "x-codeium-csrf-token": self.token},
            json=_BODY,
            timeout=_TIMEOUT,
            verify=False,
        )
        return (json_object(response) if response.status // 100 == 2 else None) or {}
