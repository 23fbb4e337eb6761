"""Both providers through the real command and a real HTTPS proxy, with no hook in between."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from twisted.internet.utils import getProcessOutputAndValue

from tests.loopback import Authority, ConnectProxy, HttpPeer, LoopbackTestCase
from tests.processes import environment
from tests.session_files import write_claude_log, write_codex_log

SECRET = "planted-0123456789-token"

EMAIL = "ada@planted.example"

CLAUDE_BODY = {
    "five_hour": {"utilization": 31.5, "resets_at": "2099-11-22T15:00:00.482193+00:00"},
    "seven_day": {"utilization": 12, "resets_at": "2099-11-27T09:00:00Z"},
    "seven_day_sonnet": {"utilization": 4, "resets_at": None},
    "seven_day_opus": None,
    "seven_day_omelette": {"utilization": 7, "resets_at": "2099-11-27T09:00:00Z"},
    "extra_usage": {"is_enabled": True, "used_credits": 1240, "monthly_limit": 5000},
    "limits": [
        {"kind": "session", "percent": 31.5},
        {
            "kind": "weekly_scoped",
            "percent": 55,
            "scope": {"model": {"id": "fable", "display_name": "Fable"}, "owner": EMAIL},
        },
    ],
    "email": EMAIL,
}


def window(used_percent: float, seconds: int, reset_at: int = 4077000000) -> dict[str, Any]:
    return {"used_percent": used_percent, "limit_window_seconds": seconds, "reset_at": reset_at}


CODEX_BODY = {
    "plan_type": "plus",
    "email": EMAIL,
    "rate_limit": {
        "primary_window": window(22, 18000),
        "secondary_window": window(9, 604800, 4077500000),
        "owner": EMAIL,
    },
    "code_review_rate_limit": {"primary_window": window(3, 604800)},
    "additional_rate_limits": [
        {
            "limit_name": "GPT-5.3-Codex-Spark",
            "rate_limit": {
                "primary_window": window(41, 18000),
                "secondary_window": window(17, 604800),
            },
        }
    ],
    "credits": {"has_credits": True, "balance": "512.75"},
    "rate_limit_reset_credits": {"available_count": 2},
}
# A reset that is never lost, as services write it.
RESETS = {"available_count": 2, "credits": [{"expires_at": "9999-12-31T23:59:59Z"}]}


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
        self.heads: list[bytes] = []
        authority = Authority()
        bodies: dict[str, dict[bytes, object]] = {
            "api.anthropic.com": {b"/api/oauth/usage": CLAUDE_BODY},
            "chatgpt.com": {
                b"/backend-api/wham/usage": CODEX_BODY,
                b"/backend-api/wham/rate-limit-reset-credits": RESETS,
            },
        }
        ports = {}
        for name, answers in bodies.items():
            build = self.player(answers)
            ports[name.encode()] = self.listen(build, authority.server(name))
        self.proxy = self.listen(lambda: Services(ports))
        self.home = Path(self.mktemp()).absolute()
        self.environ = environment(self.home, HTTPS_PROXY=f"http://127.0.0.1:{self.proxy}")
        trusted = self.home / "ca.pem"
        trusted.write_bytes(authority.pem)
        self.environ["SSL_CERT_FILE"] = str(trusted)

    def player(self, answers: Mapping[bytes, object]) -> Any:
        """Makes peers that answer each path, and keep the heads of what they are asked."""

        def answer(peer: HttpPeer) -> None:
            self.heads.append(peer.head)
            data = json.dumps(answers[peer.head.split()[1]]).encode()
            peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(data), data))

        return lambda: HttpPeer(answer)

    async def probe(self, name: str) -> dict[str, Any]:
        """What the command prints for one provider."""
        command = ["-m", "openusage", "probe", name, "--json"]
        out, err, code = await getProcessOutputAndValue(
            sys.executable, command, self.environ, str(self.home)
        )
        self.assertEqual(code, 0, err)
        for planted in (SECRET, EMAIL, str(self.home)):
            self.assertNotIn(planted.encode(), out + err)
        snapshot: dict[str, Any] = json.loads(out)
        return snapshot

    async def assert_remembered(self, name: str, snapshot: object) -> None:
        """A second command shows the same and asks nothing; nothing personal is on the disk."""
        asked = len(self.heads)
        self.assertEqual(await self.probe(name), snapshot)
        self.assertEqual(len(self.heads), asked)
        for file in self.home.rglob("*"):
            if file.is_file() and file.name not in (".credentials.json", "auth.json"):
                for planted in (SECRET, EMAIL):
                    self.assertNotIn(planted.encode(), file.read_bytes(), file.name)

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

        (head,) = self.heads
        self.assertIn(b"GET /api/oauth/usage HTTP/1.1", head)
        self.assertIn(b"Authorization: Bearer " + SECRET.encode(), head)
        self.assertEqual(snapshot["plan"], "Max 5x")
        labels = [line["label"] for line in snapshot["lines"]]
        self.assertEqual(
            labels,
            [
                *("Session", "Weekly", "Sonnet", "Claude Design", "Fable", "Extra usage spent"),
                *("Today", "Yesterday", "Last 30 Days", "Usage Trend", "claude-sonnet-5"),
            ],
        )
        session, extra = snapshot["lines"][0], snapshot["lines"][5]
        self.assertEqual((session["used"], session["limit"]), (31.5, 100.0))
        self.assertEqual(session["resetsAt"], "2099-11-22T15:00:00.482Z")
        self.assertEqual((extra["used"], extra["format"]), (12.4, {"kind": "dollars"}))
        await self.assert_remembered("claude", snapshot)

    async def test_codex(self) -> None:
        """Codex's windows, credits and local history, and one request for each answer."""
        self.environ["TZ"] = "Asia/Tokyo"
        write_codex_log(self.home, datetime.now(timezone.utc))
        tokens = {"access_token": SECRET, "account_id": "acc-1"}
        (self.home / ".codex/auth.json").write_text(json.dumps({"tokens": tokens}))

        snapshot = await self.probe("codex")

        usage, resets = (head.lower() for head in self.heads)
        self.assertIn(b"get /backend-api/wham/usage http/1.1", usage)
        self.assertIn(b"get /backend-api/wham/rate-limit-reset-credits http/1.1", resets)
        self.assertIn(b"chatgpt-account-id: acc-1", usage)
        self.assertEqual(snapshot["plan"], "Plus")
        labels = [line["label"] for line in snapshot["lines"]]
        self.assertEqual(
            labels,
            [
                *("Session", "Weekly", "Spark", "Spark Weekly", "Reviews"),
                *("Rate Limit Resets", "Credits"),
                *("Today", "Yesterday", "Last 30 Days", "Usage Trend", "gpt-5.4"),
            ],
        )
        session, resets_, credits_ = (snapshot["lines"][index] for index in (0, 5, 6))
        self.assertEqual((session["used"], session["periodDurationMs"]), (22.0, 18000000))
        self.assertEqual(resets_["value"], "2 available")
        self.assertEqual(credits_["value"], "$20.48 · 512 credits")
        await self.assert_remembered("codex", snapshot)
