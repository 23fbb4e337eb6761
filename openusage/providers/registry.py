"""Which providers there are: the built-in ones in their default order, then installed ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from openusage.log import logger
from openusage.providers.amp import Amp
from openusage.providers.antigravity import Antigravity
from openusage.providers.claude import Claude
from openusage.providers.codex import Codex
from openusage.providers.copilot import Copilot
from openusage.providers.cursor import Cursor
from openusage.providers.devin import Devin
from openusage.providers.factory import Factory
from openusage.providers.gemini import Gemini
from openusage.providers.grok import Grok
from openusage.providers.interface import IProvider, Provider
from openusage.providers.jetbrains import JetBrains
from openusage.providers.kimi import Kimi
from openusage.providers.kiro import Kiro
from openusage.providers.minimax import MiniMax
from openusage.providers.opencode import OpenCode
from openusage.providers.opencode_go import OpenCodeGo
from openusage.providers.openrouter import OpenRouter
from openusage.providers.perplexity import Perplexity
from openusage.providers.synthetic import Synthetic
from openusage.providers.zai import ZAI
from openusage.settings import is_id

__all__ = ["GROUP", "builtin_providers", "find_providers"]

GROUP = "openusage.providers"

_log = logger(__name__)


def builtin_providers() -> tuple[Provider, ...]:
    """The providers that come with openusage, in default order: three, then by id."""
    return (
        Claude(),
        Codex(),
        Cursor(),
        Amp(),
        Antigravity(),
        Copilot(),
        Devin(),
        Factory(),
        Gemini(),
        Grok(),
        JetBrains(),
        Kimi(),
        Kiro(),
        MiniMax(),
        OpenCode(),
        OpenCodeGo(),
        OpenRouter(),
        Perplexity(),
        Synthetic(),
        ZAI(),
    )


def find_providers(installed: Iterable[EntryPoint] | None = None) -> tuple[Provider, ...]:
    """Built-in providers, then those of the entry point group `openusage.providers`.

    An entry point names a class or function that, called without arguments, makes the provider. One
    that cannot be loaded, lacks a part of `IProvider` or re-uses an id is reported and skipped.
    """
    found = list(builtin_providers())
    for entry in entry_points(group=GROUP) if installed is None else installed:
        try:
            provider = _load(entry, found)
        except Exception as error:  # noqa: BLE001 - other people's code must not stop the service
            _log.warn(
                "provider {name} is skipped: {kind}: {error}",
                name=entry.name,
                kind=type(error).__name__,
                error=str(error),
            )
        else:
            found.append(provider)
    return tuple(found)


def _load(entry: EntryPoint, others: Sequence[Provider]) -> Provider:
    provider: Provider = entry.load()()
    try:
        verifyObject(IProvider, provider, tentative=True)
    except Invalid as error:
        raise TypeError(f"not a provider: {error}") from error
    if not is_id(provider.id):
        raise ValueError(f"{provider.id!r} is no id")
    if provider.id in {other.id for other in others}:
        raise ValueError(f"the id {provider.id!r} is taken")
    return provider
