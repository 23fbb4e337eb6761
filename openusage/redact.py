"""Text with its secrets, addresses and private paths masked, fit for a log or an error message.

Every rule takes time linear in the length of the text, whatever the text: names and values end at
what may not occur in them, and where a pattern alone would look again and again (dotted tokens,
query parameters) a loop walks the text once.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from urllib.parse import unquote_plus

__all__ = ["SECRET_KEYS", "mask", "redact", "redact_url"]

REDACTED = "[REDACTED]"
_MARKS = frozenset({REDACTED, "[PATH]", "[EMAIL]", "***"})

SECRET_KEYS = frozenset(
    {
        *("name", "password", "token", "access_token", "refresh_token", "secret", "api_key"),
        *("apiKey", "authorization", "bearer", "credential", "session_token", "sessionToken"),
        *("auth_token", "authToken", "id_token", "idToken", "accessToken", "refreshToken"),
        *("user_id", "userId", "account_id", "accountId", "team_id", "teamId", "org_id", "orgId"),
        *("account_display_name", "accountDisplayName", "payment_id", "paymentId"),
        *("profile_arn", "profileArn", "email", "login", "analytics_tracking_id"),
    }
)
"""JSON keys whose text is nobody else's business."""

# A query parameter tells when its name contains one of these.
_TELLING = (
    *("key", "token", "secret", "password", "auth", "bearer", "credential", "user"),
    *("account_id", "accountid", "profilearn", "profile_arn", "email", "login"),
)

# Masking may bring parts together that then look like another secret. This many rounds settle any
# text but one made for the purpose, of which nothing is shown.
_ROUNDS = 8


def mask(value: str) -> str:
    """The first and last four characters of a long value; nothing of one of up to 12."""
    if not value or value in _MARKS or _looks_masked(value):
        return value
    return REDACTED if len(value) <= 12 else f"{value[:4]}...{value[-4:]}"


def redact(text: str) -> str:
    """`text` with everything secret or personal in it masked.

    Never raises; redacting again changes nothing.
    """
    for _ in range(_ROUNDS):
        before, text = text, _once(text)
        if text == before:
            return text
    return REDACTED


def redact_url(url: str) -> str:
    """`url` with its login, its telling parameters and any token in it masked. Never raises.

    So is the name of an organization, where it is a part of the path.
    """
    return _ORGANIZATION.sub(r"\1[REDACTED]", redact(url))


_ORGANIZATION = re.compile(r"(/(?:orgs|organizations|groups)/)[^/?#\s]+")


def _once(text: str) -> str:
    for rule in _RULES:
        text = rule(text)
    return text


def _looks_masked(value: str) -> bool:
    return len(value) == 11 and value[4:7] == "..."


# --- the rules, in order --------------------------------------------------------------------------


def _rule(pattern: str, replace: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda text: compiled.sub(replace, text)


def _mask_all(match: re.Match[str]) -> str:
    return mask(match[0])


def _mask_last(match: re.Match[str]) -> str:
    """Keep the first group, mask the second."""
    return match[1] + mask(match[2])


_PARAMETER = re.compile(r"[?&#]([^=&?#\s]*)=")
_PARAMETER_VALUE = re.compile(r"[^&#\s\"'<>]*")


def _parameters(text: str) -> str:
    """Query and fragment parameters with a telling name."""
    done, parts = 0, []
    while found := _PARAMETER.search(text, done):
        parts.append(text[done : found.end()])
        done = found.end()
        name = unquote_plus(found[1]).lower()
        if any(word in name for word in _TELLING):
            value = _PARAMETER_VALUE.match(text, done)
            if value is not None:
                parts.append(mask(value[0]))
                done = value.end()
    return "".join([*parts, text[done:]])


def _bearer(match: re.Match[str]) -> str:
    """Credentials behind a scheme; words of plain English behind it stay."""
    scheme, value = match[1], match[2]
    if scheme.strip().lower() == "bearer":
        keep = value.lower().rstrip(".:!?)") in {"token", "tokens", "auth", "authentication"}
    else:
        keep = re.fullmatch(r"[A-Z]?[a-z]*[.:!?)]*", value) is not None and not _is_login(value)
    return match[0] if keep else scheme + mask(value)


def _is_login(value: str) -> bool:
    """Whether `value` is `user:password` in base64."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def _dotted(match: re.Match[str]) -> str:
    """A token of three or more dotted parts, the first beginning with `eyJ` (`{"` in base64)."""
    run = match[0]
    parts = run.split(".")
    start = 0
    for index, part in enumerate(parts[:-2]):
        at = part.find("eyJ")
        # What `mask` leaves of such a token also begins with `eyJ` and has dots.
        if at >= 0 and (len(part) - at > 4 or parts[index + 1]):
            return run[: start + at] + mask(run[start + at :])
        start += len(part) + 1
    return run


def _value_of_key(match: re.Match[str]) -> str:
    key, quote = match["key"], match["quote"]
    return f"{quote}{key}{quote}: {match['open']}{mask(match['value'])}{match['close']}"


_KEYS = "|".join(sorted(SECRET_KEYS))
_PLAIN_VALUE = r"(?P<value>(?:\\.|(?!(?P=open))[^\\])*)(?P<close>(?P=open)|\\?\Z)"
_NESTED_VALUE = r"(?P<value>.*?)(?P<close>(?P=open)|\Z)"
_FOLDERS = "Users|home|opt|private|var|tmp|root|Applications"

_RULES: tuple[Callable[[str], str], ...] = (
    _rule(r"://[^\s/?#\"<>]*@", "://***@"),
    _parameters,
    _rule(r"\b((?i:Bearer|Basic)\s+)([^\s\"',;]+)", _bearer),
    _rule(r"[A-Za-z0-9_.-]+", _dotted),
    _rule(r"(?:sk-|pk-|api_|key_|secret_)[A-Za-z0-9_-]{12,}", _mask_all),
    _rule(r"devin-session-token\$[^\s\"',}\]]+", _mask_all),
    _rule(
        rf"(?P<quote>[\"'])(?P<key>{_KEYS})(?P=quote)\s*:\s*(?P<open>[\"']){_PLAIN_VALUE}",
        _value_of_key,
    ),
    # The same inside a JSON text that is itself a JSON string.
    _rule(
        rf"(?P<quote>\\{{1,3}}[\"'])(?P<key>{_KEYS})(?P=quote)\s*:\s*(?P<open>\\{{1,3}}[\"']){_NESTED_VALUE}",
        _value_of_key,
    ),
    _rule(r"(account=)([^\s,\"']+)", _mask_last),
    # In Windows paths a user's name may have a space in it; a backslash behind it tells.
    _rule(
        r"[A-Za-z]:(?:\\+|/)[Uu]sers[\\/][^\s\"')]*(?: [^\s\"')\\]*\\[^\s\"')]*)*",
        "[PATH]",
    ),
    _rule(rf"/(?:{_FOLDERS})/[^\s\"')]*", "[PATH]"),
    # The look-behind keeps this linear: a run without an @ is read once, from its start.
    _rule(
        r"(?<![\w.!#$%+^`~-])[\w.!#$%+^`~-]+@[\w-]+(?:\.[\w-]+)*\.[^\W\d_][\w-]+",
        "[EMAIL]",
    ),
)
