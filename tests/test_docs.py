"""What README and docs show is true: blocks, tables, options and links are held to the code."""

from __future__ import annotations

import ast
import configparser
import doctest
import importlib
import inspect
import io
import json
import pkgutil
import re
import unittest
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock
from urllib.parse import unquote

import click
from attrs import fields
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import openusage
from openusage import __version__, api
from openusage.api import Api
from openusage.cli import COMMANDS, commands
from openusage.health import HealthReport
from openusage.host.net.proxysettings import read_proxies
from openusage.model import ProbeError, Snapshot
from openusage.options import Options, endpoint_from
from openusage.providers import IProvider
from openusage.providers.registry import GROUP, builtin_providers, find_providers
from openusage.settings import Settings, parse_settings
from openusage.testing import FakeHttp, fake_host
from openusage.wire import camel, encode, from_json, to_json
from tests.pages import DOCS, PAGES, README, fences, headings, section, table

API, EMBEDDING, SETTINGS = (DOCS / f"{name}.md" for name in ("http-api", "embedding", "settings"))
STARTED, COMMAND = DOCS / "getting-started.md", DOCS / "command.md"
PACKAGE = Path(openusage.__file__).parent
NAME = re.compile(r"`(\w+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
OTHERS = frozenset(
    ("--cacert", "--config-settings", "--now", "--pidfile", "--unit", "--unix-socket", "--user")
)
"""Options of other programs: curl, pip, systemctl, journalctl and twistd itself."""


class JsonTests(SynchronousTestCase):
    """Every block of JSON is read by what reads the like of it in earnest."""

    def found(self, key: str) -> list[Any]:
        """The JSON objects of all pages that have `key`."""
        values = [json.loads(fence.text) for page in PAGES for fence in fences(page, "json")]
        return [value for value in values if key in value]

    def test_all_known(self) -> None:
        """There is no JSON but of the kinds that are checked here."""
        kinds = ("lines", "uptimeSeconds", "plugins", "proxy", "error")

        known = sum(len(self.found(key)) for key in kinds)

        self.assertEqual(known, sum(1 for page in PAGES for _ in fences(page, "json")))

    def test_snapshots(self) -> None:
        """A snapshot has the keys and values of the real thing, in their order."""
        snapshots = self.found("lines")

        for value in snapshots:
            again = to_json(from_json(value, Snapshot))
            self.assertEqual(json.dumps(again, indent=1), json.dumps(value, indent=1))
        self.assertEqual(len(snapshots), 3)

    def test_health(self) -> None:
        """The health report has every key of the real one, in order, and this version."""
        (value,) = self.found("uptimeSeconds")

        again = to_json(from_json(value, HealthReport))

        self.assertEqual(json.dumps(again, indent=1), json.dumps(value, indent=1))
        self.assertEqual(value["version"], __version__)

    def test_settings(self) -> None:
        """The settings are valid and complete, and each of them has its section."""
        (value,) = self.found("plugins")

        self.assertEqual(parse_settings(json.dumps(value)).unknown, ())
        keys = [camel(each.name) for each in fields(Settings) if each.name != "unknown"]
        self.assertEqual(sorted(value), sorted(keys))
        for key in keys:
            self.assertTrue(section(SETTINGS, key).strip(), key)

    def test_proxy(self) -> None:
        """The proxy's settings are understood."""
        (value,) = self.found("proxy")
        home = Path(self.mktemp())
        (home / ".openusage").mkdir(parents=True)
        (home / ".openusage" / "config.json").write_text(json.dumps(value))

        proxy = read_proxies({}, home).https

        self.assertEqual(str(proxy), "socks5://***@proxy.example:1080")

    def test_error(self) -> None:
        """The error is one of those that there are."""
        (value,) = self.found("error")

        self.assertIn(value["error"], dict(errors_of_the_api()))


class HttpApiTests(SynchronousTestCase):
    """The tables of the page on the HTTP API."""

    def test_routes(self) -> None:
        """The routes are those of the application."""
        told = re.findall(r"^\| `GET (\S+)`", API.read_text("utf-8"), re.MULTILINE)

        rules = {re.sub("<.*?>", "ID", rule.rule) for rule in Api.app.url_map.iter_rules()}

        self.assertEqual(sorted(told), sorted(rules))

    def test_failures(self) -> None:
        """The classes of failure are those of the error family."""
        told = [name for row in table(API, "code") for name in NAME.findall(row[0])]

        self.assertEqual(sorted(told), sorted(codes(ProbeError)))

    def test_waiting(self) -> None:
        """The reasons to wait are those that the governor and the probing give."""
        told = [NAME.findall(row[0])[0] for row in table(API, "waiting")]

        self.assertEqual(sorted(told), sorted(reasons("governor") | reasons("probing")))

    def test_errors(self) -> None:
        """The errors are those that are answered, with their status."""
        told = {NAME.findall(row[0])[0]: row[1] for row in table(API, "error")}
        real = dict(errors_of_the_api())

        self.assertEqual(sorted(told), sorted(real))
        for name, status in real.items():
            self.assertIn(status, (None, told[name]), name)

    def test_lines(self) -> None:
        """The keys of each kind of line are those of the example, in order."""
        told = {NAME.findall(row[0])[0]: NAME.findall(row[1]) for row in table(API, "line")}
        (example,) = (json.loads(f.text) for f in fences(API, "json") if '"lines"' in f.text)

        self.assertEqual(sorted(told), sorted(line["type"] for line in example["lines"]))
        for line in example["lines"]:
            keys = list(all_keys(line))[1:]
            self.assertEqual(told[line["type"]], keys)


class OptionTests(SynchronousTestCase):
    """Commands and options."""

    def test_twistd(self) -> None:
        """Every option of `twistd openusage`, long and short, is in the table."""
        told = " ".join(row[0] for row in table(STARTED, "option"))

        for name in twistd_options():
            self.assertRegex(told, rf"`{name}\b")

    def test_commands(self) -> None:
        """Every command has its section, and every option of it is told there."""
        for name in COMMANDS:
            (heading,) = (h for h in headings(COMMAND) if re.search(rf"^openusage.*\b{name}\b", h))
            text = COMMAND.read_text("utf-8").partition("\n## ")[0] + section(COMMAND, heading)

            for option in command_options(name):
                self.assertIn(f"`{option}", text, name)

    def test_exist(self) -> None:
        """Every option and every command that is shown exists."""
        known = OTHERS | {option for name in COMMANDS for option in command_options(name)}
        known |= {*twistd_options(), "--help", "--version"}
        for page in PAGES:
            code = "\n".join([*re.findall(r"`([^`\n]+)`", page.read_text("utf-8")), *shell(page)])

            self.assertEqual(set(OPTION.findall(code)) - known, set(), page.name)
            called = re.findall(r"(?:^|\n|\$ |[\\/])openusage (\w+)", code)
            self.assertEqual(set(called) - {*COMMANDS, "COMMAND"}, set(), page.name)

    def test_other_options(self) -> None:
        """No option is said to be another program's that none of the pages shows."""
        text = "".join(page.read_text("utf-8") for page in PAGES)

        self.assertEqual(OTHERS - set(OPTION.findall(text)), set())

    def test_endpoints(self) -> None:
        """The endpoints that are shown are such."""
        shown = re.findall(r"--listen ((?:tcp|unix):\S+)", "".join(shell(STARTED)))

        for description in shown:
            endpoint_from(object(), description)
        self.assertTrue(shown)


class LinkTests(SynchronousTestCase):
    """Links and what is taken in."""

    def test_links(self) -> None:
        """Every relative link leads to a page that exists, and to a heading that it has."""
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
                if re.match(r"\w+:", target):
                    continue
                path, _, anchor = unquote(target).partition("#")
                other = (page.parent / path).resolve() if path else page
                self.assertTrue(other.is_file(), f"{page.name}: {target}")
                if anchor:
                    self.assertIn(anchor, map(slug, headings(other)), f"{page.name}: {target}")

    def test_included(self) -> None:
        """What a page takes in exists, and every example is taken in somewhere."""
        taken = {
            (fence.page.parent / fence.argument).resolve()
            for page in PAGES
            for fence in fences(page, "{literalinclude}")
        }

        self.assertEqual(taken, set((DOCS / "examples").glob("*.py")))

    def test_contents(self) -> None:
        """Every page is in a table of contents, and in the README or the list of providers."""
        pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES[1:]}
        of_providers = {name for name in pages if "/" in name}

        self.assertEqual(self.contents("index"), pages - of_providers - {"index"})
        self.assertEqual(self.contents("providers"), of_providers)
        for name in pages - of_providers - {"index"}:
            self.assertIn(f"(docs/{name}.md)", README.read_text("utf-8"))

    def contents(self, page: str) -> set[str]:
        """The pages in the table of contents of one of them."""
        (fence,) = fences(DOCS / f"{page}.md", "{toctree}")
        return {word for word in fence.text.split() if not word.startswith(":") and word != "2"}


class ProviderPagesTests(SynchronousTestCase):
    """The list of providers and their pages."""

    def test_listed(self) -> None:
        """Every provider is in the list, with its name, its id and a link to its page."""
        rows = table(DOCS / "providers.md", "Provider")

        listed = {(row[0], row[1]) for row in rows}
        known = {
            (f"[{each.name}](providers/{each.id}.md)", f"`{each.id}`")
            for each in builtin_providers()
        }
        self.assertEqual(listed, known)

    def test_lines(self) -> None:
        """The page of a provider tells of every line that it declares, and of every resource."""
        for provider in builtin_providers():
            page = (DOCS / "providers" / f"{provider.id}.md").read_text("utf-8")
            for line in provider.lines:
                self.assertIn(f"`{line.label}`", page, provider.id)
                if line.resource is not None:
                    self.assertIn(f"`{line.resource}`", page, (provider.id, line.label))


class ReadmeTests(SynchronousTestCase):
    """The first page that anybody sees."""

    def test_first_screen(self) -> None:
        """It says what it is in a sentence, then how to install, run and ask, and the answer."""
        screen = "\n".join(README.read_text("utf-8").splitlines()[:62])

        title, sentence = screen.split("\n\n")[:2]
        self.assertEqual((title, sentence.count(". ")), ("# openusage", 0))
        self.assertTrue(sentence.endswith("."))
        places = [
            screen.index(text) for text in ("pip install", "twistd -n", "curl http", "json\n{")
        ]
        self.assertEqual(places, sorted(places))
        self.assertIn('"fetchedAt"', screen)

    def test_marked_commands(self) -> None:
        """Each of the marked blocks holds one line, which makes its own environment."""
        for name, does in (("start", "/twistd -n openusage"), ("test", "/pytest")):
            text = README.read_text("utf-8")
            (block,) = re.findall(
                rf"<!-- {name} -->\n```sh\n(.*?)```\n<!-- end -->", text, re.DOTALL
            )

            self.assertEqual(block.count("\n"), 1)
            self.assertTrue(block.startswith("python3 -m venv .venv && .venv/bin/pip install"))
            self.assertIn(does, block)


class EmbeddingTests(SynchronousTestCase):
    """The provider of one's own."""

    def setUp(self) -> None:
        self.names: dict[str, Any] = {"__name__": "my_package"}
        for fence in fences(EMBEDDING, "python"):
            exec(compile(fence.text, EMBEDDING.name, "exec"), self.names)  # our own page

    def test_snapshot(self) -> None:
        """Its probe makes the snapshot that is shown."""
        http = FakeHttp()
        http.reply("GET", "https://mine.example/usage", body={"percent": 42})
        host = fake_host(Path(self.mktemp()), id="mine", env={"MINE_KEY": "k"}, http=http)

        probing = Deferred.fromCoroutine(self.names["Mine"]().probe(host))

        (shown,) = fences(EMBEDDING, "json")
        self.assertEqual(json.loads(encode(self.successResultOf(probing))), json.loads(shown.text))

    def test_its_test(self) -> None:
        """Its test passes."""
        result = unittest.TestResult()

        self.names["MineTests"]("test_month").run(result)

        self.assertEqual((result.testsRun, result.errors, result.failures), (1, [], []))

    def test_failures(self) -> None:
        """Without a key, or with an answer that is none, it fails as a provider should."""
        for env, code in (({}, "not_logged_in"), ({"MINE_KEY": "k"}, "unexpected_response")):
            http = FakeHttp()
            http.reply("GET", "https://mine.example/usage", 500, "oops")
            host = fake_host(Path(self.mktemp()), id="mine", env=env, http=http)

            probing = Deferred.fromCoroutine(self.names["Mine"]().probe(host))

            self.assertEqual(self.failureResultOf(probing, ProbeError).value.code, code)

    def test_found(self) -> None:
        """The entry point that is shown lets openusage find it."""
        (fence,) = fences(EMBEDDING, "ini")
        config = configparser.ConfigParser()
        config.read_string(fence.text)
        name, _, place = config["options.entry_points"][GROUP].strip().partition(" = ")
        package = ModuleType("my_package")
        vars(package)["Mine"] = self.names["Mine"]

        with mock.patch.dict("sys.modules", my_package=package):
            *_, last = find_providers([EntryPoint(name, place, GROUP)])

        self.assertIsInstance(last, self.names["Mine"])
        verifyObject(IProvider, last, tentative=True)


class DoctestTests(SynchronousTestCase):
    """The examples in docstrings."""

    def test_modules(self) -> None:
        """Every example in every module gives what it says."""
        runner, said = doctest.DocTestRunner(verbose=False), io.StringIO()
        for module in modules():
            for test in doctest.DocTestFinder().find(module):
                runner.run(test, out=said.write)

        self.assertEqual((runner.failures, said.getvalue()), (0, ""))
        self.assertGreater(runner.tries, 0)


def modules() -> Iterator[ModuleType]:
    """Every module of the package."""
    for found in pkgutil.walk_packages([str(PACKAGE)], "openusage."):
        yield importlib.import_module(found.name)


def codes(kind: type[ProbeError]) -> set[str]:
    """The codes of `kind` and of all errors below it that are ours."""
    list(modules())  # those of all modules
    own = {kind.code} if kind.__module__.startswith("openusage.") else set()
    return own.union(*(codes(below) for below in kind.__subclasses__()))


def reasons(module: str) -> set[str]:
    """What a module sets `waiting` to: as a variable, a keyword or the last word of a move."""
    found: list[ast.AST] = []
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))):
        if isinstance(node, ast.Assign) and "waiting" in ast.unparse(node.targets[0]):
            found += ast.walk(node.value)
        elif isinstance(node, ast.keyword) and node.arg == "waiting":
            found.append(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "self._move":
            found.append(node.args[-1])
    return {n.value for n in found if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def errors_of_the_api() -> Iterator[tuple[str, str | None]]:
    """The name of every error that is answered, and its status where that stands beside it."""
    for path in Path(inspect.getfile(api)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                values = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                if node.func.id == "answer_error":
                    yield str(values[1]), str(values[0])
                elif node.func.id == "error_body" and values:
                    yield str(values[0]), None


def twistd_options() -> Iterator[str]:
    """The options of `twistd openusage` beside those that Twisted adds, long and short."""
    for name, short, *_ in Options.optParameters:
        yield from (f"--{name}", *([f"-{short}"] if short else []))
    methods = {name for name in vars(Options) if name.startswith("opt_")}
    for name in methods:
        bare = name.removeprefix("opt_").replace("_", "-")
        yield f"-{bare}" if len(bare) == 1 else f"--{bare}"


def command_options(name: str) -> Iterator[str]:
    """The long options of a subcommand."""
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    for parameter in command.params:
        options = [*parameter.opts, *parameter.secondary_opts]
        yield from (option for option in options if option.startswith("--"))


def shell(page: Path) -> list[str]:
    """What a page has people type: the commands in its blocks."""
    typed = [fence.text for fence in fences(page, "sh", "bat", "ini")]
    lines = [line for fence in fences(page, "console") for line in fence.text.splitlines()]
    return [*typed, "\n".join(line for line in lines if line.startswith("$ "))]


def all_keys(value: dict[str, Any]) -> Iterator[str]:
    """The keys of a line, and behind `points` those of a point."""
    for key, below in value.items():
        yield key
        if isinstance(below, list):
            yield from below[0]


def slug(heading: str) -> str:
    """The anchor of a heading, as both GitHub and Sphinx have it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
