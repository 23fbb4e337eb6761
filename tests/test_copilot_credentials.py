"""Where the Copilot provider finds tokens, on each system, and in which order it takes them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from openusage.host import Host
from openusage.providers.copilot import Copilot
from openusage.providers.copilot.credentials import login_files, sources
from openusage.providers.keys import Key
from openusage.providers.stored import Missing
from tests.probes import ProbeTestCase

SERVICE = "gh:github.com"
APPS = ".config/github-copilot/apps.json"
EDITOR_HOSTS = ".config/github-copilot/hosts.json"
GH = ".config/gh/hosts.yml"
TOKEN = "gho_PLANTED0123456789"
HOSTS = """\
github.com:
    users:
        octocat:
    git_protocol: https
    user: octocat
    oauth_token: {token}
"""


def apps(token: object = TOKEN, key: str = "github.com:Iv1.0123456789abcdef") -> dict[str, Any]:
    """What an editor stores."""
    return {key: {"user": "octocat", "oauth_token": token, "githubAppId": "Iv1.0123456789abcdef"}}


class Machine(ProbeTestCase):
    """A person's machine, empty at first."""

    provider = Copilot()

    def found(self, host: Host) -> list[str]:
        """The tokens in the order in which they are tried."""
        return [key.value for key in self.keys(host)]

    def keys(self, host: Host) -> list[Key]:
        """The same with the places."""
        return [key for found in self.all(host) if not isinstance(found, Missing) for key in found]

    def missing(self, host: Host) -> list[str]:
        """Why there is nothing."""
        return [found.reason for found in self.all(host) if isinstance(found, Missing)]

    def all(self, host: Host) -> list[Any]:
        """What every source says."""

        async def ask() -> list[Any]:
            return [await source() for source in sources(host)]

        return self.successResultOf(Deferred.fromCoroutine(ask()))

    def detected(self, host: Host | None = None, **more: Any) -> str | None:
        """Where a login is found, whatever the keychain was asked for it before."""
        self.keychain.asked.clear()
        return super().detected(host, **more)


class OrderTests(Machine):
    """`sources` as a whole."""

    def test_nothing(self) -> None:
        """Every place that was looked at is told, and none of the machine's paths."""
        self.assertEqual(
            self.missing(self.host()),
            [
                "~/.config/github-copilot/apps.json was not found",
                "~/.config/github-copilot/hosts.json was not found",
                "~/.config/gh/hosts.yml was not found",
                "the keychain item gh:github.com was not found, or may not be read",
                "COPILOT_GITHUB_TOKEN is not set",
            ],
        )

    def test_everything(self) -> None:
        """Editors go first, then the GitHub CLI's file and keychain item, then the variable."""
        self.write(APPS, apps("one"))
        self.write(EDITOR_HOSTS, {"github.com": {"oauth_token": "two"}})
        self.write(GH, HOSTS.format(token="three"))
        self.keychain.items[(SERVICE, "octocat")] = "four"
        host = self.host(env={"COPILOT_GITHUB_TOKEN": "five"})

        self.assertEqual(
            [(key.value, key.shown) for key in self.keys(host)],
            [
                ("one", "~/.config/github-copilot/apps.json"),
                ("two", "~/.config/github-copilot/hosts.json"),
                ("three", "~/.config/gh/hosts.yml"),
                ("four", "the keychain item gh:github.com"),
                ("five", "COPILOT_GITHUB_TOKEN"),
            ],
        )

    def test_automation(self) -> None:
        """`GH_TOKEN` and `GITHUB_TOKEN` are not taken: they often are tokens for automation."""
        host = self.host(env={"GH_TOKEN": TOKEN, "GITHUB_TOKEN": TOKEN})

        self.assertEqual(self.found(host), [])
        self.assertIsNone(self.detected(host))

    def test_never_shown(self) -> None:
        """A token is in no `repr`."""
        self.write(APPS, apps())

        self.assertNotIn(TOKEN, repr(self.all(self.host())))

    def test_not_sendable(self) -> None:
        """A token that cannot stand in a header is none, which is remarked without it."""
        self.write(APPS, apps("gho_PLANTED 0123"))
        host = self.host()

        self.assertEqual(self.found(host), [])
        self.assertEqual(len(host.visit.notes), 1)
        self.assertIn("~/.config/github-copilot/apps.json", host.visit.notes[0])
        self.assertNotIn("PLANTED", host.visit.notes[0])


class EditorTests(Machine):
    """The editors' files."""

    def test_keys(self) -> None:
        """The entry of github.com is taken, with or without an application; blank is none."""
        for document, expected in (
            (apps(), [TOKEN]),
            (apps(key="github.com"), [TOKEN]),
            (apps(f"  {TOKEN}\n"), [TOKEN]),
            (apps(key="octocorp.ghe.com"), []),
            (apps(key="octocorp.ghe.com:Iv1.0"), []),
            (apps(key="github.com.evil.example"), []),
            (apps(" "), []),
            (apps(None), []),
            (apps(7), []),
            ({"github.com": TOKEN}, []),
            ({"github.com": [TOKEN]}, []),
            ({**apps("ghu_corp", "octocorp.ghe.com"), **apps()}, [TOKEN]),
            ({**apps("one", "github.com:1"), **apps("two", "github.com:2")}, ["one", "two"]),
        ):
            with self.subTest(document=document):
                self.write(APPS, document)
                self.assertEqual(self.found(self.host()), expected)

    def test_damaged(self) -> None:
        """A file without a login says what is wrong with it, and the next place is asked."""
        self.write(EDITOR_HOSTS, apps())
        for text, reason in (
            ("", "is no JSON object"),
            ("{", "is no JSON object"),
            ("[]", "is no JSON object"),
            ("{}", "has no oauth_token for github.com"),
            ('{"octocorp.ghe.com": {"oauth_token": "x"}}', "has no oauth_token for github.com"),
        ):
            with self.subTest(text=text):
                self.write(APPS, text)
                self.assertEqual(
                    self.missing(self.host())[0], f"~/.config/github-copilot/apps.json {reason}"
                )
                self.assertEqual(self.found(self.host()), [TOKEN])

    def test_folder(self) -> None:
        """The folder is that of the system, or the one that the environment names."""
        elsewhere = str(self.home / "elsewhere")
        for platform, env, folder in (
            ("linux", {}, ".config/github-copilot"),
            ("linux", {"XDG_CONFIG_HOME": elsewhere}, "elsewhere/github-copilot"),
            ("darwin", {}, ".config/github-copilot"),
            ("win32", {}, "AppData/Local/github-copilot"),
            ("win32", {"LOCALAPPDATA": elsewhere}, "elsewhere/github-copilot"),
        ):
            with self.subTest(platform=platform, env=env):
                path = self.write(f"{folder}/apps.json", apps())
                host = self.host(platform=platform, env=env)
                self.assertEqual(self.found(host), [TOKEN])
                self.assertEqual(self.detected(host), f"~/{folder}/apps.json")
                self.assertIn(path, login_files(host))
                path.unlink()


class GhFileTests(Machine):
    """The GitHub CLI's `hosts.yml`."""

    def test_blocks(self) -> None:
        """Only what stands right below github.com counts."""
        for text, expected in (
            (HOSTS.format(token=TOKEN), [TOKEN]),
            (HOSTS.format(token=f"'{TOKEN}'"), [TOKEN]),
            (HOSTS.format(token=f'"{TOKEN}"  # stored by gh'), [TOKEN]),
            (HOSTS.format(token="12345678"), ["12345678"]),
            (f"octocorp.ghe.com:\n    oauth_token: corp\n{HOSTS.format(token=TOKEN)}", [TOKEN]),
            ("octocorp.ghe.com:\n    oauth_token: corp\n", []),
            ("github.com:\n    users:\n        octocat:\n            oauth_token: nested\n", []),
            (HOSTS.format(token=""), []),
            ("github.com:\n", []),
            ("github.com: gho_x\n", []),
            ("- github.com\n", []),
        ):
            with self.subTest(text=text):
                self.write(GH, text)
                self.assertEqual(self.found(self.host()), expected)

    def test_damaged(self) -> None:
        """Whatever is wrong with the file, it holds no login, and the reason names it."""
        for text in (
            "",
            "\t",
            "github.com: [",
            "a: *nowhere",
            "? [x]\n: y",
            "&a [*a]",
            '"\\UFFFFFFFF"',
            "!!python/object/apply:os.system [x]",
            "\x00",
            "[" * 5_000,
            "github.com:\n  oauth_token: x\n" + "#" * 2**14,
        ):
            with self.subTest(text=text[:40]):
                self.write(GH, text)
                host = self.host()
                reason = Missing("~/.config/gh/hosts.yml has no entry for github.com")
                self.assertEqual(self.all(host)[2], reason)
                self.assertIsNone(self.detected(host))

    @settings(deadline=None, max_examples=60)
    @given(st.text("github.com: \n-[]{}&*!|>'\"?#%@,\\x0", max_size=40))
    def test_any_text(self, text: str) -> None:
        """Any text is read, or is none."""
        self.write(GH, text)

        self.assertIsInstance(self.found(self.host()), list)

    def test_folder(self) -> None:
        """The folder is the one that the CLI itself takes."""
        elsewhere = str(self.home / "elsewhere")
        for platform, env, folder in (
            ("linux", {}, ".config/gh"),
            ("darwin", {}, ".config/gh"),
            ("win32", {}, "AppData/Roaming/GitHub CLI"),
            ("win32", {"APPDATA": elsewhere}, "elsewhere/GitHub CLI"),
            ("win32", {"XDG_CONFIG_HOME": elsewhere}, "elsewhere/gh"),
            ("linux", {"XDG_CONFIG_HOME": elsewhere}, "elsewhere/gh"),
            ("win32", {"GH_CONFIG_DIR": elsewhere, "APPDATA": "/x"}, "elsewhere"),
            ("linux", {"GH_CONFIG_DIR": elsewhere, "XDG_CONFIG_HOME": "/x"}, "elsewhere"),
        ):
            with self.subTest(platform=platform, env=env):
                path = self.write(f"{folder}/hosts.yml", HOSTS.format(token=TOKEN))
                host = self.host(platform=platform, env=env)
                self.assertEqual(self.found(host), [TOKEN])
                self.assertEqual(self.detected(host), f"~/{folder}/hosts.yml")
                self.assertIn(path, login_files(host))
                path.unlink()

    def test_variable_shown(self) -> None:
        """Outside the home folder the file is shown below the variable that names its folder."""
        folder = Path(self.mktemp()).absolute()
        self.write(f"{folder}/hosts.yml", HOSTS.format(token=TOKEN))

        self.assertEqual(
            self.detected(self.host(env={"GH_CONFIG_DIR": str(folder)})), "$GH_CONFIG_DIR/hosts.yml"
        )


class GhKeyringTests(Machine):
    """The GitHub CLI's item in the keychain."""

    def test_values(self) -> None:
        """A token is taken as it is, or in the wrapping that Go programs use on macOS."""
        wrapped = f"go-keyring-base64:{base64.b64encode(TOKEN.encode()).decode()}"
        for stored, expected in (
            (TOKEN, [TOKEN]),
            (f"{TOKEN}\n", [TOKEN]),
            (wrapped, [TOKEN]),
            ("go-keyring-base64:%%%", []),
            (" ", []),
        ):
            for platform in ("linux", "darwin", "win32"):
                with self.subTest(stored=stored, platform=platform):
                    self.keychain.items = {(SERVICE, ""): stored}
                    self.assertEqual(self.found(self.host(platform=platform)), expected)

    def test_accounts(self) -> None:
        """The user in `hosts.yml` is asked for first, then the active account of the system.

        Each time a dialog is allowed for, since the item is another program's.
        """
        self.write(GH, HOSTS.format(token=""))
        config = str(self.home / ".config")
        for platform, second in (("linux", ""), ("win32", ""), ("darwin", None)):
            with self.subTest(platform=platform):
                self.keychain.asked.clear()
                self.keychain.prompted.clear()
                self.found(self.host(platform=platform, env={"XDG_CONFIG_HOME": config}))
                self.assertEqual(self.keychain.asked, [(SERVICE, "octocat"), (SERVICE, second)])
                self.assertEqual(self.keychain.prompted, self.keychain.asked)

    def test_user_first(self) -> None:
        """Of several accounts that of the user in `hosts.yml` is taken, and no other asked for."""
        self.write(GH, HOSTS.format(token=""))
        self.keychain.items = {(SERVICE, "other"): "other", (SERVICE, "octocat"): TOKEN}

        self.assertEqual(self.found(self.host(platform="darwin")), [TOKEN])
        self.assertEqual(self.keychain.asked, [(SERVICE, "octocat")])

    def test_users_is_no_user(self) -> None:
        """The map `users` is not taken for the name, and a name may look like anything."""
        for user, expected in (("", None), ("user: 007", "007"), ("user: null", "null")):
            with self.subTest(user=user):
                self.write(GH, f"github.com:\n    users:\n        octocat:\n    {user}\n")
                self.keychain.asked.clear()
                self.found(self.host())
                accounts = [account for _, account in self.keychain.asked]
                self.assertEqual(accounts, [*([expected] if expected else []), ""])

    def test_locked(self) -> None:
        """A locked keychain is an empty one."""
        self.keychain.items = {(SERVICE, ""): TOKEN}
        self.keychain.locked = True

        self.assertEqual(self.found(self.host()), [])


class DetectTests(Machine):
    """`detect_login`."""

    def test_order(self) -> None:
        """The first place with a login is told."""
        host = self.host(env={"COPILOT_GITHUB_TOKEN": TOKEN})
        self.assertEqual(self.detected(host), "COPILOT_GITHUB_TOKEN")
        self.write(GH, HOSTS.format(token=""))
        self.assertEqual(self.detected(host), "~/.config/gh/hosts.yml")
        self.write(EDITOR_HOSTS, apps())
        self.assertEqual(self.detected(host), "~/.config/github-copilot/hosts.json")
        self.write(APPS, apps())
        self.assertEqual(self.detected(host), "~/.config/github-copilot/apps.json")

    def test_no_keychain(self) -> None:
        """The keychain is not asked, whatever is in it."""
        self.keychain.items = {(SERVICE, ""): TOKEN}

        self.assertIsNone(self.detected(self.host(platform="darwin")))
        self.assertEqual(self.keychain.asked, [])

    def test_enterprise(self) -> None:
        """A login at another host only is none."""
        self.write(APPS, apps(key="octocorp.ghe.com"))
        self.write(GH, "octocorp.ghe.com:\n    oauth_token: corp\n")

        self.assertIsNone(self.detected(self.host()))
