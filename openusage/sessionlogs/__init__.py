"""Local session logs: the tokens that Claude Code and Codex used, and what they cost."""

from openusage.sessionlogs.history import Day, History, LogRateLimits, LogWindow, SessionLogs
from openusage.sessionlogs.local import LocalSessionLogs
from openusage.sessionlogs.tool import Tool

__all__ = [
    "Day",
    "History",
    "LocalSessionLogs",
    "LogRateLimits",
    "LogWindow",
    "SessionLogs",
    "Tool",
]
