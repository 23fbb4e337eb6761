"""Whose login it is: an identity that outlives the tokens."""

from __future__ import annotations

from pathlib import Path

import msgspec

from openusage.host import Host
from openusage.providers.claude.credentials import CONFIG_FOLDER, STORE_FOLDER, Login

__all__ = ["account_file", "account_of"]


class _OAuthAccount(msgspec.Struct):
    accountUuid: str
    organizationUuid: str | None = None


class _ClaudeJson(msgspec.Struct):
    oauthAccount: _OAuthAccount


def account_file(host: Host) -> Path:
    """Where Claude Code keeps its own state, the account among it: `~/.claude.json`."""
    folder = host.env.get(CONFIG_FOLDER)
    return (host.path(folder) if folder else host.home) / ".claude.json"


async def account_of(host: Host, login: Login) -> str:
    """What stays the same for one account: its ids, which outlive its tokens, else a token.

    Claude Code notes the account of its stored login under `oauthAccount` of `.claude.json`, which
    lies beside `.credentials.json` when `CLAUDE_CONFIG_DIR` is set (seen 2026-09,
    github.com/Dicklesworthstone/coding_agent_account_manager/pull/85). It says nothing of a token
    in the environment (seen 2026-07, github.com/anthropics/claude-code/issues/80523), nor of a
    credential store that was moved alone (seen 2026-09,
    github.com/anthropics/claude-code/issues/79223).
    """
    if login.environment_token is None and STORE_FOLDER not in host.env.variables:
        account = await _account_in(host, account_file(host))
        if account is not None and account.accountUuid:
            return f"{account.accountUuid}:{account.organizationUuid or ''}"
    return login.environment_token or login.refresh_token or login.access_token


async def _account_in(host: Host, path: Path) -> _OAuthAccount | None:
    try:
        data = await host.files.read(path)
        decoded = await host.run(msgspec.json.decode, data, type=_ClaudeJson)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return decoded.oauthAccount
