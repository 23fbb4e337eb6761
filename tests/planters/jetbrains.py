"""The file in which a JetBrains IDE keeps the quota of AI Assistant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tests.planters.planter import OWNER, Planter

__all__ = ["PLANTER", "quota_file"]


def quota_file(options: dict[str, Any]) -> str:
    """The file as an IDE writes it: JSON in the attributes of XML."""
    lines = [
        f"    <option name={quoteattr(name)} value={quoteattr(json.dumps(value, indent=2))} />"
        for name, value in options.items()
    ]
    component = '  <component name="AIAssistantQuotaManager2">'
    return "\n".join(["<application>", component, *lines, "  </component>", "</application>"])


def _write(path: Path, login: Any) -> None:
    path.write_text(quota_file(login))


PLANTER = Planter(
    id="jetbrains-ai-assistant",
    file=".config/JetBrains/WebStorm2025.3/options/AIAssistantQuotaManager2.xml",
    looked="~/.config/JetBrains",
    login={
        "nextRefill": {
            "type": "Known",
            "next": "2099-01-01T00:00:00Z",
            "tariff": {"amount": "1000000", "duration": "PT720H"},
            **OWNER,
        },
        "quotaInfo": {
            "type": "Available",
            "current": "250000",
            "maximum": "1000000",
            "available": "750000",
            "until": "2099-01-31T00:00:00Z",
            **OWNER,
        },
    },
    write=_write,
)
