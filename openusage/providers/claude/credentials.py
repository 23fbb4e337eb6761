"""Where Claude Code keeps its login.

Places in order: the keychain (macOS only; newer versions leave a stale file behind there, so that
a good item wins and the file is not read), `.credentials.json`, and `CLAUDE_CODE_OAUTH_TOKEN`. The
stored ones hold `{"claudeAiOauth": {"accessToken", "refreshToken", "expiresAt" (ms), "scopes",
"subscriptionType", "rateLimitTier"}}` beside keys that are none of our business (seen 2026-11).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import evolve, field, frozen

from openusage.host import Host
from openusage.host.env import Env
from openusage.host.numbers import number
from openusage.host.secrets import credential_json, sendable
from openusage.providers.claude.mapping import plan_name
from openusage.providers.claude.service import OAuthService

__all__ = [
    "CONFIG_FOLDER",
    "STORE_FOLDER",
    "TOKEN_VARIABLE",
    "CredentialsFile",
    "Found",
    "KeychainItem",
    "Login",
    "credentials_file",
    "login_at",
    "places",
    "search",
    "shown",
]

TOKEN_VARIABLE = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 (the name of a variable)
CONFIG_FOLDER = "CLAUDE_CONFIG_DIR"
STORE_FOLDER = "CLAUDE_SECURESTORAGE_CONFIG_DIR"

_OAUTH = "claudeAiOauth"


@frozen
class CredentialsFile:
    """A file that holds a login; `shown` is how it is named to the person."""

    path: Path
    shown: str


@frozen
class KeychainItem:
    """A keychain item that holds a login; without `account` it was found by service alone."""

    service: str
    account: str | None

    @property
    def shown(self) -> str:
        """How it is named to the person."""
        return f"keychain item {self.service}"


Source: TypeAlias = CredentialsFile | KeychainItem


@frozen
class Login:
    """A login as it is stored: `document` is the whole JSON, `source` where it came from.

    `environment_token`, when set, goes before the stored access token, and may not read usage.
    """

    document: Mapping[str, Any] = field(factory=dict, repr=False)
    source: Source | None = None
    environment_token: str | None = field(default=None, repr=False)

    @property
    def access_token(self) -> str:
        """The bearer token, trimmed; empty only in a document that is no login."""
        return _text(self.environment_token or self._oauth.get("accessToken"))

    @property
    def refresh_token(self) -> str | None:
        """The token that buys a new access token; older logins have none."""
        return _text(self._oauth.get("refreshToken")) or None

    @property
    def expires_at(self) -> float | None:
        """When the access token expires, in seconds of Unix time; `None` when that is not known."""
        milliseconds = number(self._oauth.get("expiresAt"))
        return milliseconds / 1000 if milliseconds and milliseconds > 0 else None

    @property
    def reads_usage(self) -> bool:
        """Whether the token may ask for usage; older logins do not say, and may."""
        scopes = self._oauth.get("scopes")
        if self.environment_token:
            return False
        return not isinstance(scopes, list) or not scopes or "user:profile" in scopes

    @property
    def plan(self) -> str | None:
        """The plan as it is shown, such as `Max 20x`."""
        return plan_name(self._oauth.get("subscriptionType"), self._oauth.get("rateLimitTier"))

    @property
    def digest(self) -> str:
        """Tells access tokens apart without holding one."""
        return hashlib.sha256(self.access_token.encode("utf-8", "replace")).hexdigest()

    def with_tokens(self, tokens: Mapping[str, Any]) -> Login:
        """This login with the keys of `tokens` replaced and every other key as it was."""
        return evolve(self, document={**self.document, _OAUTH: {**self._oauth, **tokens}})

    @property
    def _oauth(self) -> dict[str, Any]:
        oauth = self.document.get(_OAUTH)
        return oauth if isinstance(oauth, dict) else {}


@frozen
class Found:
    """What a search came upon: a login if any, and what was wrong where one should have been."""

    login: Login | None = None
    problems: tuple[str, ...] = ()


async def search(host: Host, service: OAuthService) -> Found:
    """The login that Claude Code would use. A store that is missing or damaged is passed over."""
    found = await _stored(host, service)
    token = host.env.get(TOKEN_VARIABLE)
    if token is None:
        return found
    return Found(evolve(found.login or Login(), environment_token=token), found.problems)


def places(host: Host, service: OAuthService) -> list[str]:
    """What a search looks at, and the folder of logs, as they are named to the person."""
    stores = dict.fromkeys(source.shown for source in _sources(host, service))
    logs = host.path(host.env.get(CONFIG_FOLDER) or "~/.claude") / "projects"
    return [*stores, TOKEN_VARIABLE, shown(host, logs, f"${CONFIG_FOLDER}/projects")]


async def login_at(host: Host, source: Source) -> Login | str:
    """The login that `source` holds now, else in words what is wrong; empty: it is missing."""
    if isinstance(source, KeychainItem):
        text = await host.keychain.get(source.service, source.account)
        return _login_in(text, source) if text else ""
    try:
        return _login_in(await host.files.read_text(source.path), source)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return f"{source.shown}: cannot be read ({error.strerror or type(error).__name__})"


async def _stored(host: Host, service: OAuthService) -> Found:
    problems = []
    for source in _sources(host, service):
        outcome = await login_at(host, source)
        if isinstance(outcome, Login):
            return Found(outcome)
        if outcome and outcome not in problems:
            problems.append(outcome)
    return Found(problems=tuple(problems))


def _sources(host: Host, service: OAuthService) -> list[Source]:
    items = [
        KeychainItem(name, account)
        for name in _keychain_services(host, service)
        for account in (host.keychain.current_user, None)
    ]
    return [*items, credentials_file(host)]


def _keychain_services(host: Host, service: OAuthService) -> list[str]:
    """Names of the items: that of the store's folder, where it was moved, then the common one."""
    if host.platform != "darwin":
        return []
    common = f"Claude Code{service.suffix}-credentials"
    folder = _store_folder(host.env)
    if folder is None:
        return [common]
    raw = unicodedata.normalize("NFC", folder).encode("utf-8", "replace")
    return [f"{common}-{hashlib.sha256(raw).hexdigest()[:8]}", common]


def _store_folder(env: Env) -> str | None:
    """The folder of the credential store where it was moved; set but empty is the usual place.

    `CLAUDE_SECURESTORAGE_CONFIG_DIR` goes before `CLAUDE_CONFIG_DIR` since Claude Code 2.1.220
    (seen 2026-08, github.com/realiti4/claude-swap/issues/293).
    """
    return env.get(STORE_FOLDER if STORE_FOLDER in env.variables else CONFIG_FOLDER)


def credentials_file(host: Host) -> CredentialsFile:
    """The file where Claude Code keeps its login, on Linux and Windows always."""
    path = host.path(_store_folder(host.env) or "~/.claude") / ".credentials.json"
    variable = STORE_FOLDER if STORE_FOLDER in host.env.variables else CONFIG_FOLDER
    return CredentialsFile(path, shown(host, path, f"${variable}/.credentials.json"))


def shown(host: Host, path: Path, otherwise: str) -> str:
    """`path` as the person knows it, `~/…`; `otherwise` where it is not below the home folder."""
    try:
        return f"~/{path.relative_to(host.home).as_posix()}"
    except ValueError:
        return otherwise


def _login_in(text: str, source: Source) -> Login | str:
    document = credential_json(text)
    if document is None:
        return f"{source.shown}: no JSON object"
    login = Login(document, source)
    if not login.access_token:
        return f"{source.shown}: {_OAUTH}.accessToken is missing or no text"
    if not sendable(login.access_token):
        return f"{source.shown}: {_OAUTH}.accessToken has a character that no token has"
    return login


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
