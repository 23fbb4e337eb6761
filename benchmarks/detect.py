"""How long all providers together take to look for their logins, in a process that just started.

    python benchmarks/detect.py [--home FOLDER] [--rounds 15]

Each round is a new process that asks every provider once, all at the same time, as the service does
when it starts. `detect` is what they take together; `import` is what the process needed before, for
comparison. The goal is 50 ms. Without `--home` an empty folder and one with a login of every
provider are measured side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ROUND = """
import json, os, time
begun = time.perf_counter()
from pathlib import Path
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from openusage.enabling import detect
from openusage.folders import Folders
from openusage.host.blocking import Threads
from openusage.providers.registry import builtin_providers
from openusage.roster import Instance
from openusage.service import make_machine, visit_host
from openusage.settings import Settings

folders = Folders(Path.home() / "c", Path.home() / "d")
threads = Threads(reactor)
threads.start()
machine = make_machine(reactor, threads, folders, os.environ)
instances = [Instance(each.id, each.name, each) for each in builtin_providers()]

def make_host(instance, visit):
    return visit_host(machine, Settings(), instance, visit)

def report(places):
    found = sum(place is not None for place in places)
    took = {"import": ready - begun, "detect": time.perf_counter() - ready}
    print(json.dumps({**took, "found": found}))
    reactor.stop()

def look():
    global ready
    ready = time.perf_counter()
    asked = [Deferred.fromCoroutine(detect(each, make_host, reactor)) for each in instances]
    gatherResults(asked).addCallback(report)

reactor.callWhenRunning(look)
reactor.addSystemEventTrigger("during", "shutdown", threads.stop)
reactor.run()
"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Time the detection of all providers.")
    parser.add_argument("--home", type=Path, help="a home folder to look in")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = {str(options.home): (options.home, {})} if options.home else made(Path(folder))
        print(f"{'home':12} {'found':>5} {'detect, median':>15} {'longest':>9} {'import':>9}")
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in homes}
        for _ in range(options.rounds):
            for name, (home, environ) in homes.items():
                rounds[name].append(measure(home, environ))
        for name, results in rounds.items():
            times = [result["detect"] * 1000 for result in results]
            started = statistics.median(result["import"] for result in results) * 1000
            found = int(results[0]["found"])
            print(
                f"{name:12} {found:5} {statistics.median(times):12.1f} ms {max(times):6.1f} ms"
                f" {started:6.0f} ms"
            )


def made(folder: Path) -> dict[str, tuple[Path, Mapping[str, str]]]:
    """An empty home and one with a login of every provider."""
    sys.path.insert(0, str(ROOT))
    from tests.planters import planters  # noqa: PLC0415 (found only now)

    empty, full = folder / "empty", folder / "full"
    environ: dict[str, str] = {}
    for home in (empty, full):
        home.mkdir()
    for _, planter in sorted(planters().items(), reverse=True):
        planter.plant(full)
        environ |= planter.env
    return {"empty": (empty, {}), "all logins": (full, environ)}


def measure(home: Path, environ: Mapping[str, str]) -> dict[str, float]:
    """One round."""
    keep = ("PATH", "SYSTEMROOT", "LANG")
    base = {name: os.environ[name] for name in keep if name in os.environ}
    local = {"HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", ROUND],
        env={**base, **local, **environ},
        cwd=home,
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    main()
