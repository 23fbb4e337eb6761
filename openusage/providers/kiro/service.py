"""What Kiro's service is asked, and where a login is renewed if the person allowed that.

The service is that of Amazon Q Developer, one to a region. Social logins are renewed by Kiro's own
sign-in service, those of an organization or a Builder ID by that of AWS, to which the app has
registered itself (`~/.aws/sso/cache/HASH.json` with `clientId` and `clientSecret`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from attrs import define, evolve

from openusage.host import Host
from openusage.host.instants import iso_text
from openusage.host.oauth import RefusedError, Tokens
from openusage.host.values import first_text, json_object, text_of
from openusage.log import logger
from openusage.model import ProbeError, TokenExpiredError, UnexpectedResponseError
from openusage.providers.asking import Words, ask, post
from openusage.providers.kiro.login import Found, login_in, method_of, region_or, token_file
from openusage.providers.kiro.usage import FIGURES, Told, figures
from openusage.providers.logins import Login, StoredLogin, ask_renewing, tokens_in
from openusage.providers.spacing import spaced
from openusage.providers.stored import Missing, stored_object
from openusage.providers.words import require_unexpired

__all__ = ["UNAVAILABLE", "ask_service"]

UNAVAILABLE = "Kiro usage data unavailable. Open the Kiro account dashboard once and try again."
_EXPIRED = "Kiro session expired. Open Kiro and sign in again."
_WORDS = Words(_EXPIRED, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)

_REGION = "us-east-1"
_SOCIAL = "https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken"
_TIMEOUT = 15.0

_log = logger(__name__)


async def ask_service(host: Host, found: Found) -> Told:
    """What the service tells of the login; raises a `ProbeError`."""
    login = found.login
    if found.keeper is None or not host.refresh_credentials:
        require_unexpired(login.expires_at, host.now(), found.cure)
        if login.access_token is None:
            raise TokenExpiredError(_EXPIRED)
    answer = await spaced(host, login.access_token or "", FIGURES, lambda: _fetch(host, found))
    return Told(answer.body, answer.at)


async def _fetch(host: Host, found: Found) -> Mapping[str, Any]:
    if found.keeper is None:
        return await _ask(host, found.login, found.arn)
    renewal = _Renewal(host)
    store = StoredLogin(
        host,
        found.keeper,
        login_in,
        renewal.put,
        renewal.buy,
        margin=timedelta(minutes=10),
        unknown_is_due=True,
    )
    return await ask_renewing(
        host,
        found.login,
        store,
        lambda login, bought: _ask(
            host, login, text_of(login.document.get("profileArn")) or found.arn
        ),
        refused=_EXPIRED,
        strict=True,
    )


async def _ask(host: Host, login: Login, arn: str | None) -> Mapping[str, Any]:
    document = login.document
    headers = {
        "Authorization": f"Bearer {login.access_token}",
        "Accept": "application/json",
        "User-Agent": host.user_agent,
    }
    if method_of(document) == "external_idp":
        headers["TokenType"] = "EXTERNAL_IDP"
    if document.get("provider") == "Internal":
        headers["redirect-for-internal"] = "true"
    parts = (arn or "").split(":")
    region = region_or(parts[3] if len(parts) > 3 else None, _REGION)
    profile = f"&profileArn={quote(arn, safe='', errors='replace')}" if arn else ""
    query = f"origin=AI_EDITOR{profile}&resourceType=AGENTIC_REQUEST"
    url = f"https://q.{region}.amazonaws.com/getUsageLimits?{query}"
    body = figures(await ask(host, "GET", url, _WORDS, headers=headers, timeout=_TIMEOUT))
    if body is None:
        raise UnexpectedResponseError(_WORDS.invalid)
    return body


# --- renewing -------------------------------------------------------------------------------------


@define
class _Renewal:
    """Buys tokens with the app's login and puts them into its document.

    The sign-in service may tell the profile along with them, in `arn`.
    """

    host: Host
    arn: str | None = None

    async def buy(self, login: Login) -> Tokens | None:
        """What the refresh token buys; `None`: nothing this time."""
        refresh_token = login.refresh_token or ""
        if method_of(login.document) == "IdC":
            return await self._buy_from_aws(login.document, refresh_token)
        body = await self._post(_SOCIAL, {"refreshToken": refresh_token}, (401, 403))
        self.arn = first_text(body, "profileArn")
        return tokens_in(body)

    async def _buy_from_aws(self, document: Mapping[str, Any], refresh: str) -> Tokens | None:
        client = await self._client(document)
        if client is None:
            self.host.note("Login not renewed: what Kiro registered with AWS was not found.")
            return None
        client_id, client_secret = client
        question = {
            "grantType": "refresh_token",
            "clientId": client_id,
            "clientSecret": client_secret,
            "refreshToken": refresh,
        }
        region = region_or(document.get("region"), _REGION)
        url = f"https://oidc.{region}.amazonaws.com/token"
        return tokens_in(await self._post(url, question, (400, 401, 403)))

    async def _client(self, document: Mapping[str, Any]) -> tuple[str, str] | None:
        name = document.get("clientIdHash")
        if not isinstance(name, str) or not re.fullmatch(r"[0-9A-Za-z_-]{1,128}", name):
            return None
        path = token_file(self.host).with_name(f"{name}.json")
        stored = await stored_object(self.host, path)
        if isinstance(stored, Missing):
            return None
        client_id, client_secret = (text_of(stored.get(k)) for k in ("clientId", "clientSecret"))
        return (client_id, client_secret) if client_id and client_secret else None

    async def _post(
        self, url: str, question: Mapping[str, str], refusals: Sequence[int]
    ) -> dict[str, Any]:
        """What a sign-in service answers; an empty object when it gave nothing this time.

        No connection says nothing of the login, so that is told as it is.
        """
        headers = {"User-Agent": self.host.user_agent}
        try:
            response = await post(self.host, url, headers=headers, json=question, timeout=_TIMEOUT)
        except ProbeError as error:
            raise evolve(error, message=UNAVAILABLE) from error
        body = json_object(response)
        if response.status in refusals:
            raise RefusedError(_EXPIRED, for_good=body is not None)
        if response.status // 100 == 2 and body is not None:
            return body
        _log.warn("{id}: login not renewed: HTTP {s}", id=self.host.id, s=response.status)
        return {}

    def put(self, document: Mapping[str, Any], tokens: Tokens) -> Mapping[str, Any]:
        """`document` with `tokens` in it, and everything else as it was."""
        changed: dict[str, Any] = {"accessToken": tokens.access_token}
        if tokens.refresh_token:
            changed["refreshToken"] = tokens.refresh_token
        if self.arn:
            changed["profileArn"] = self.arn
        if tokens.expires_in:
            expires_at = self.host.now() + timedelta(seconds=tokens.expires_in)
            changed["expiresAt"] = iso_text(expires_at)
        if method := method_of(document):
            changed["authMethod"] = method
        return {**document, **changed}
