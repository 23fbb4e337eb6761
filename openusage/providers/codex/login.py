"""`Login`: what a stored ChatGPT login holds.

The CLI stores (seen 2026-11):

    {"OPENAI_API_KEY": null, "last_refresh": "2026-11-20T08:05:37Z",
     "tokens": {"access_token": JWT, "refresh_token": str, "id_token": JWT, "account_id": str}}

OpenCode stores a ChatGPT login of its own as

    {"openai": {"type": "oauth", "access": JWT, "refresh": str, "expires": ms, "accountId": str}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from attrs import evolve, field, frozen

from openusage.host.instants import iso_text, parse_instant
from openusage.host.oauth import Tokens
from openusage.host.secrets import credential_json, jwt_expiry, jwt_payload, sendable
from openusage.host.values import object_at, text_of

__all__ = ["Login", "Nothing", "Stored", "parse_login", "parse_opencode"]

_CLAIMS = "https://api.openai.com/auth"
_SOON = timedelta(minutes=5)
_OLD = timedelta(days=8)


@frozen
class Login:
    """A ChatGPT login. `document` is all that was stored, `tool` the command that renews it."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    account_id: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    refreshed_at: datetime | None = None
    document: Mapping[str, Any] = field(factory=dict, repr=False)
    tool: Literal["codex", "opencode"] = "codex"

    @property
    def identity(self) -> str:
        """What stays the same as long as the same person is logged in to the same workspace.

        The account id alone is that of the workspace, which a whole team shares.
        """
        id_token = object_at(self.document, "tokens").get("id_token")
        payloads = [_payload(self.access_token), _payload(id_token)]
        account = self.account_id or _first_text(
            object_at(payload, _CLAIMS).get("chatgpt_account_id") for payload in payloads
        )
        person = _first_text(payload.get("sub") for payload in payloads)
        known = [part for part in (account, person) if part]
        return "|".join(known) or self.refresh_token or self.access_token

    def due(self, now: datetime) -> bool:
        """Whether it is worth renewing before it is used."""
        if self.expires_at is not None:
            return self.expires_at <= now + _SOON
        return self.refreshed_at is not None and self.refreshed_at < now - _OLD

    def renewed(self, tokens: Tokens, now: datetime) -> Login:
        """This login with `tokens` in it, in the document too, where all else stays as it was."""
        new = {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "id_token": tokens.id_token,
        }
        given = {key: value for key, value in new.items() if value is not None}
        document = {
            **self.document,
            "tokens": {**object_at(self.document, "tokens"), **given},
            "last_refresh": iso_text(now),
        }
        return evolve(
            self,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token or self.refresh_token,
            expires_at=jwt_expiry(tokens.access_token),
            refreshed_at=now,
            document=document,
        )


@frozen
class Nothing:
    """No login is there, for this `reason`; `api_key`: a key is, which cannot read usage."""

    reason: str
    api_key: bool = False


Stored: TypeAlias = Login | Nothing


def parse_login(text: str) -> Stored:
    """The login that the CLI stored as `text`: JSON, or hex of JSON."""
    document = credential_json(text)
    if document is None:
        return Nothing("is no JSON object")
    tokens = object_at(document, "tokens")
    access_token = text_of(tokens.get("access_token"))
    if access_token is None:
        if text_of(document.get("OPENAI_API_KEY")):
            return Nothing("has an API key only", api_key=True)
        return Nothing("has no tokens.access_token")
    if not sendable(access_token):
        return Nothing("has a broken tokens.access_token")
    return Login(
        access_token,
        text_of(tokens.get("refresh_token")),
        _account_id(tokens.get("account_id")),
        jwt_expiry(access_token),
        parse_instant(document.get("last_refresh")),
        document,
    )


def parse_opencode(text: str) -> Stored:
    """The login that OpenCode stored as `text`, without the refresh token, which is not ours."""
    entry = object_at(credential_json(text) or {}, "openai")
    access_token = text_of(entry.get("access"))
    if entry.get("type") != "oauth" or access_token is None or not sendable(access_token):
        return Nothing("has no usable openai.access")
    return Login(
        access_token,
        account_id=_account_id(entry.get("accountId")),
        expires_at=jwt_expiry(access_token) or parse_instant(entry.get("expires")),
        document={"openai": entry},
        tool="opencode",
    )


def _account_id(value: object) -> str | None:
    text = text_of(value)
    return text if text is not None and sendable(text) else None


def _payload(token: object) -> Mapping[str, Any]:
    return (jwt_payload(token) if isinstance(token, str) else None) or {}


def _first_text(values: Iterable[object]) -> str | None:
    return next((text for text in map(text_of, values) if text), None)
