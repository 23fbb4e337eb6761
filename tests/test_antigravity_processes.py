"""Which running programs are taken for Antigravity's, and what their command lines tell."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from openusage.host.processes import Process
from openusage.providers.antigravity.processes import Server, find_servers
from openusage.testing import FakeProcesses, fake_host

IDE = "/opt/Antigravity IDE/resources/app/extensions/antigravity/bin/language_server_linux_x64"
APP = "/opt/Antigravity/resources/bin/language_server"
TOKEN = "csrf-PLANTED-0123456789"
FLAGS = ("--csrf_token", TOKEN, "--app_data_dir", "antigravity")


class Case(SynchronousTestCase):
    """A machine on which something runs."""

    def setUp(self) -> None:
        self.processes = FakeProcesses()

    def run_(self, pid: int, *argv: str, ports: tuple[int, ...] = (4000,)) -> None:
        """Have a program run."""
        self.processes.running.append(Process(pid, argv))
        self.processes.listening[pid] = list(ports)

    def found(self) -> list[Server]:
        host = fake_host(Path(self.mktemp()), processes=self.processes)
        return self.successResultOf(Deferred.fromCoroutine(find_servers(host)))

    def is_found(self, *argv: str) -> bool:
        """Whether such a program, alone on the machine, is taken for Antigravity's."""
        self.processes = FakeProcesses()
        self.run_(7, *argv)
        return bool(self.found())


class LanguageServerTests(Case):
    """The server of the app and of the IDE."""

    def test_found(self) -> None:
        """It is found with its token, its ports, the port it falls back to, and the program."""
        self.run_(7, IDE, *FLAGS, "--extension_server_port", "42010", ports=(9002, 9001, 9002))

        (server,) = self.found()

        self.assertEqual(server, Server((9001, 9002), TOKEN, 42010, Path(IDE)))
        self.assertNotIn("PLANTED", repr(server))

    def test_names(self) -> None:
        """It has many names."""
        for name in (
            "language_server",
            "language_server_macos",
            "language_server_macos_arm",
            "language_server_macos_x64",
            "language-server",
            "language_server_linux_x64",
            "language_server_linux_arm",
            "language_server_windows_x64.exe",
            "Language_Server.exe",
        ):
            self.assertTrue(self.is_found(f"/opt/x/{name}", *FLAGS), name)
            self.assertTrue(self.is_found(f"C:\\Programs\\x\\{name}", *FLAGS), name)
            self.assertTrue(self.is_found(name, *FLAGS), name)
        for name in ("server", "language", "gopls"):
            self.assertFalse(self.is_found(f"/opt/x/{name}", *FLAGS), name)

    def test_owner(self) -> None:
        """Its flags say that it is Antigravity's, in any spelling, or else its path does."""
        token = ("--csrf_token", TOKEN)
        for owner in (
            ("--ide_name", "antigravity"),
            ("--ide_name=Antigravity-IDE",),
            ("--app_data_dir", "ANTIGRAVITY"),
            ("--app_data_dir=antigravity-ide",),
            ("--app-data-dir", "antigravity"),
            ("-app_data_dir", "antigravity"),
            ("--override_ide_name", "antigravity"),
            ("--ide_name", "jetski", "--override_ide_name", "antigravity"),
        ):
            self.assertTrue(self.is_found("/opt/language_server", *token, *owner), owner)
        for path in ("/x/antigravity/language_server", "/x/Antigravity-IDE/bin/language_server"):
            self.assertTrue(self.is_found(path, *token), path)
        self.assertTrue(self.is_found("C:\\x\\antigravity\\bin\\language_server.exe", *token))

    def test_another_owner(self) -> None:
        """One of another editor is left alone, even if its path looks the same."""
        token = ("--csrf_token", TOKEN)
        for argv in (
            ("/opt/windsurf/language_server", *token),
            ("/x/antigravity/language_server", *token, "--ide_name", "windsurf"),
            ("/opt/language_server", *token, "--app_data_dir", "antigravity-like"),
            ("/opt/language_server", *token, "--workspace", "antigravity"),
            ("/opt/antigravityish/language_server", *token),
        ):
            self.assertFalse(self.is_found(*argv), argv)

    def test_token(self) -> None:
        """One without a token, or with one that cannot be sent, is passed over."""
        owner = ("--app_data_dir", "antigravity")
        for argv in (
            (APP, *owner),
            (APP, *owner, "--csrf_token"),
            (APP, *owner, "--csrf_token", ""),
            (APP, *owner, "--csrf_token="),
            (APP, "--csrf_token", *owner),
            (APP, *owner, "--csrf_token", "two words"),
            (APP, *owner, "--csrf_token", "\udcff"),
        ):
            self.assertFalse(self.is_found(*argv), argv)
        self.assertTrue(self.is_found(APP, *owner, f"--csrf_token={TOKEN}"))

    def test_fallback_port(self) -> None:
        """A port to fall back to is enough; what cannot be a port is none."""
        for text in ("0", "65536", "-1", "x", "1e3", "9" * 400, "٤٢"):
            self.processes = FakeProcesses()
            self.run_(7, APP, *FLAGS, "--extension_server_port", text, ports=())
            self.assertEqual(self.found(), [], text)
        self.run_(7, APP, *FLAGS, "--extension_server_port=42010", ports=())

        (server,) = self.found()

        self.assertEqual((server.ports, server.fallback_port), ((), 42010))

    def test_no_port(self) -> None:
        """One that listens nowhere gives way to the next one."""
        self.run_(7, APP, *FLAGS, ports=())
        self.run_(8, APP, *FLAGS, ports=(4001,))

        self.assertEqual([server.ports for server in self.found()], [(4001,)])

    def test_first(self) -> None:
        """Of several the first counts, and one that its flags name goes before."""
        self.run_(7, "/x/antigravity/language_server", "--csrf_token", "by-path", ports=(1,))
        self.run_(8, "/opt/language_server", *FLAGS, ports=(2,))
        self.run_(9, "/opt/language_server", *FLAGS, ports=(3,))

        self.assertEqual([server.ports for server in self.found()], [(2,)])

    def test_one_string(self) -> None:
        """A command line may be all in one part, quoted or not."""
        for title in (
            f"/opt/antigravity/language_server --csrf_token {TOKEN} --app_data_dir antigravity",
            f'"C:\\Program Files\\language_server.exe" --csrf_token={TOKEN} --ide_name antigravity',
            f"'/A B/language_server' --csrf_token \"{TOKEN}\" --ide_name antigravity",
            f"/Apps/Antigravity IDE.app/antigravity/language_server --csrf_token {TOKEN}",
        ):
            self.processes = FakeProcesses()
            self.run_(7, title)
            self.assertEqual([server.token for server in self.found()], [TOKEN], title)

    def test_no_command_line(self) -> None:
        """Programs that tell nothing of themselves do no harm."""
        for argv in (("",), (" ",), ('"',), ("", "")):
            self.assertFalse(self.is_found(*argv), argv)

    def test_many_ports(self) -> None:
        """Of a program that listens everywhere only some ports are tried."""
        self.run_(7, APP, *FLAGS, ports=tuple(range(5000, 5100)))

        self.assertEqual(self.found()[0].ports, tuple(range(5000, 5008)))


class AgyTests(Case):
    """The command line tool."""

    def test_found(self) -> None:
        """It needs neither a token nor a flag, and has no port to fall back to."""
        self.run_(7, "/home/ada/.local/bin/agy", "--extension_server_port", "42010")

        self.assertEqual(
            self.found(), [Server((4000,), "", None, Path("/home/ada/.local/bin/agy"))]
        )

    def test_names(self) -> None:
        """It is known by its name alone, be it run by another program."""
        for argv in (
            ("agy",),
            ("AGY", "chat"),
            ("C:\\Users\\ada\\AppData\\Local\\agy\\bin\\agy.exe",),
            ("node", "/usr/lib/agy", "chat"),
            ("bash", "-e", "/usr/local/bin/agy"),
            ("/usr/local/bin/agy chat --fast",),
        ):
            self.assertTrue(self.is_found(*argv), argv)
        for argv in (
            ("not-agy-helper", "--flag", "agy"),
            ("/usr/bin/agyro",),
            ("vim", "/home/ada/agy/notes"),
            ("agy-updater",),
        ):
            self.assertFalse(self.is_found(*argv), argv)

    def test_itself_first(self) -> None:
        """The program itself goes before one that only names it."""
        self.run_(7, "bash", "/usr/local/bin/agy", ports=(1,))
        self.run_(8, "agy", ports=(2,))

        self.assertEqual([server.ports for server in self.found()], [(2,)])
        self.assertIsNone(self.found()[0].program)


class OrderTests(Case):
    """`find_servers`."""

    def test_both(self) -> None:
        """The server of the app comes before that of the tool, one of each."""
        self.run_(3, "agy", ports=(1,))
        self.run_(4, "agy", ports=(2,))
        self.run_(5, APP, *FLAGS, ports=(3,))

        self.assertEqual([server.ports for server in self.found()], [(3,), (1,)])

    def test_bases(self) -> None:
        """Each port is tried with TLS and without, the one to fall back to without, all at home."""
        server = Server((10001, 10002), TOKEN, 42010)

        self.assertEqual(
            list(server.bases),
            [
                "https://127.0.0.1:10001",
                "http://127.0.0.1:10001",
                "https://127.0.0.1:10002",
                "http://127.0.0.1:10002",
                "http://127.0.0.1:42010",
            ],
        )
