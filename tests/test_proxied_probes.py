"""Both providers through the real command and a real HTTPS proxy, with no hook in between."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue

from tests.loopback import Authority, ConnectProxy, HttpPeer, LoopbackTestCase
from tests.processes import environment
from tests.session_files import write_claude_log, write_codex_log

SECRET = "planted-0123456789-token"

CLAUDE_BODY = {
    "five_hour": {"utilization": 31.5, "resets_at": "2099-11-22T15:00:00.482193+00:00"},
    "seven_day": {"utilization": 12, "resets_at": "2099-11-27T09:00:00Z"},
    "seven_day_sonnet": {"utilization": 4, "resets_at": None},
    "extra_usage": {"is_enabled": True, "used_credits": 1240, "monthly_limit": 5000},
}
CODEX_BODY = {
    "plan_type": "plus",
    "rate_limit": {
        "primary_window": {
            "used_percent": 22,
            "limit_window_seconds": 18000,
            "reset_at": 4077000000,
        },
        "secondary_window": {
            "used_percent": 9,
            "limit_window_seconds": 604800,
            "reset_at": 4077500000,
        },
    },
    "credits": {"has_credits": True, "balance": "512.75"},
}


class Services(ConnectProxy):
    """A proxy that leads each name to the port of the one who plays it."""

    def __init__(self, ports: dict[bytes, int]) -> None:
        super().__init__(0)
        self._ports = ports

    def talk(self) -> None:
        """Connect to who was asked for."""
        if self._buffer.startswith(b"CONNECT "):
            name = self._buffer.split()[1].partition(b":")[0]
            self._port = self._ports.get(name, 0)
        super().talk()


class ProxiedProbeTests(LoopbackTestCase):
    """`openusage probe` behind a proxy that trusts a CA of its own."""

    timeout = 120.0

    def setUp(self) -> None:
        super().setUp()
        self.heads: dict[str, bytes] = {}
        authority = Authority()
        bodies = {"api.anthropic.com": CLAUDE_BODY, "chatgpt.com": CODEX_BODY}
        ports = {}
        for name, body in bodies.items():
            build = self.player(name, body)
            ports[name.encode()] = self.listen(build, authority.server(name))
        self.proxy = self.listen(lambda: Services(ports))
        self.home = Path(self.mktemp()).absolute()
        self.environ = environment(self.home, HTTPS_PROXY=f"http://127.0.0.1:{self.proxy}")
        trusted = self.home / "ca.pem"
        trusted.write_bytes(authority.pem)
        self.environ["SSL_CERT_FILE"] = str(trusted)

    def player(self, name: str, body: object) -> Any:
        """Makes peers that play the service `name`, and keep the heads of what it is asked."""

        def answer(peer: HttpPeer) -> None:
            self.heads[name] = peer.head
            data = json.dumps(body).encode()
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data))

        return lambda: HttpPeer(answer)

    async def probe(self, name: str) -> dict[str, Any]:
        """What the command prints for one provider."""
        command = ["-m", "openusage", "probe", name, "--json"]
        out, err, code = await getProcessOutputAndValue(
            sys.executable, command, self.environ, str(self.home)
        )
        self.assertEqual(code, 0, err)
        self.assertNotIn(SECRET.encode(), out + err)
        snapshot: dict[str, Any] = json.loads(out)
        return snapshot

    async def test_claude(self) -> None:
        """Claude's windows, extra usage and local history, and one request with its login."""
        write_claude_log(self.home, datetime.now(timezone.utc))
        expires = int(time.time() * 1000) + 3_600_000
        login = {
            "accessToken": SECRET,
            "expiresAt": expires,
            "scopes": ["user:profile"],
            "subscriptionType": "max",
            "rateLimitTier": "default_claude_max_5x",
        }
        (self.home / ".claude/.credentials.json").write_text(json.dumps({"claudeAiOauth": login}))

        snapshot = await self.probe("claude")

        head = self.heads["api.anthropic.com"]
        self.assertIn(b"GET /api/oauth/usage HTTP/1.1", head)
        self.assertIn(b"Authorization: Bearer " + SECRET.encode(), head)
        self.assertEqual(snapshot["plan"], "Max 5x")
        labels = [line["label"] for line in snapshot["lines"]]
        self.assertEqual(
            labels,
            [
                *("Session", "Weekly", "Sonnet", "Extra usage spent"),
                *("Today", "Yesterday", "Last 30 Days", "Usage Trend", "claude-sonnet-5"),
            ],
        )
        session, extra = snapshot["lines"][0], snapshot["lines"][3]
        self.assertEqual((session["used"], session["limit"]), (31.5, 100.0))
        self.assertEqual(session["resetsAt"], "2099-11-22T15:00:00.482Z")
        self.assertEqual((extra["used"], extra["format"]), (12.4, {"kind": "dollars"}))

    async def test_codex(self) -> None:
        """Codex's windows, credits and local history, and one request with its login."""
        write_codex_log(self.home, datetime.now(timezone.utc))
        tokens = {"access_token": SECRET, "account_id": "acc-1"}
        (self.home / ".codex/auth.json").write_text(json.dumps({"tokens": tokens}))

        snapshot = await self.probe("codex")

        head = self.heads["chatgpt.com"].lower()
        self.assertIn(b"get /backend-api/wham/usage http/1.1", head)
        self.assertIn(b"chatgpt-account-id: acc-1", head)
        self.assertEqual(snapshot["plan"], "Plus")
        labels = [line["label"] for line in snapshot["lines"]]
        self.assertEqual(
            labels,
            [
                *("Session", "Weekly", "Credits"),
                *("Today", "Yesterday", "Last 30 Days", "Usage Trend", "gpt-5.4"),
            ],
        )
        session, credits_ = snapshot["lines"][0], snapshot["lines"][2]
        self.assertEqual((session["used"], session["periodDurationMs"]), (22.0, 18000000))
        self.assertEqual(credits_["value"], "$20.48 · 512 credits")
