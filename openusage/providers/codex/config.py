"""What the CLI's `config.toml` says about the service's address and the place of the login."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from openusage.host import Host
from openusage.host.values import text_of
from openusage.tomltext import toml_table

__all__ = ["Config", "codex_home", "read_config"]

_BASE = "https://chatgpt.com/backend-api"
_CHATGPT = ("chatgpt.com", "chat.openai.com")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@frozen
class Config:
    """`base` is the service's address without trailing slash, `store` where the login is kept."""

    base: str = _BASE
    store: str = "file"

    @property
    def usage_url(self) -> str:
        """Where usage is asked for; a base not ChatGPT's has another path (seen 2026-11)."""
        path = "/wham/usage" if "/backend-api" in self.base else "/api/codex/usage"
        return self.base + path

    @property
    def resets_url(self) -> str | None:
        """Where the resets are listed; only ChatGPT itself is known to do that."""
        if "/backend-api" not in self.base:
            return None
        return f"{self.base}/wham/rate-limit-reset-credits"

    @property
    def in_keyring(self) -> bool:
        """Whether the CLI was told to keep its login in the system's keyring."""
        return self.store in ("keyring", "auto")


def codex_home(host: Host) -> Path:
    """`$CODEX_HOME`, else `~/.codex`."""
    text = host.env.get("CODEX_HOME")
    return host.path((text.rstrip("/\\") or text) if text else "~/.codex")


async def read_config(host: Host) -> Config:
    """The configuration; its defaults for what is missing, and a note about what is unusable."""
    try:
        text = await host.files.read_text(codex_home(host) / "config.toml")
        values = toml_table(text)
    except (FileNotFoundError, NotADirectoryError):
        return Config()
    except (OSError, ValueError):
        host.note("config.toml cannot be read and was ignored")
        return Config()
    return Config(_base(host, values), text_of(values.get("cli_auth_credentials_store")) or "file")


def _base(host: Host, values: dict[str, Any]) -> str:
    base = (text_of(values.get("chatgpt_base_url")) or _BASE).rstrip("/")
    name = _safe_host(base)
    if name is None:
        host.note("chatgpt_base_url in config.toml is no https address and was ignored")
        return _BASE
    if name in _CHATGPT and "/backend-api" not in base:
        return f"{base}/backend-api"
    return base


def _safe_host(base: str) -> str | None:
    """The host of an address that a token may be sent to: by https, or not leaving this machine."""
    try:
        url = urlsplit(base)
        name, _port = url.hostname, url.port
    except ValueError:
        return None
    plain = base.isascii() and base.isprintable() and " " not in base
    safe = url.scheme == "https" or (url.scheme == "http" and name in _LOOPBACK)
    return name if plain and safe else None
