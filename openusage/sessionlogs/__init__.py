"""What coding tools used, from their own logs on this machine: tokens, and what they cost."""

from openusage.sessionlogs.calls import Call
from openusage.sessionlogs.history import Day, History, LogRateLimits, LogWindow, SessionLogs
from openusage.sessionlogs.local import LocalSessionLogs
from openusage.sessionlogs.prices import Terms
from openusage.sessionlogs.tool import Tool

__all__ = [
    "Call",
    "Day",
    "History",
    "LocalSessionLogs",
    "LogRateLimits",
    "LogWindow",
    "SessionLogs",
    "Terms",
    "Tool",
]
