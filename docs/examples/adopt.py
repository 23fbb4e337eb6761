"""An application that adopts openusage and reacts to changes, without any HTTP.

Run it with `twistd -ny adopt.py`.
"""

from twisted.application.service import Application
from twisted.internet import reactor
from twisted.logger import Logger

from openusage.model import Progress
from openusage.service import Options, build
from openusage.store import Change, SnapshotChanged

log = Logger()


def tell(change: Change) -> None:
    """Say how full each meter is, whenever something in a snapshot is new."""
    if isinstance(change, SnapshotChanged) and change.snapshot and change.content:
        for line in change.snapshot.lines:
            if isinstance(line, Progress):
                share = 100 * line.used / line.limit
                log.info("{id}: {label} {share:.0f} %", id=change.id, label=line.label, share=share)


usage = build(reactor, Options.of())
usage.store.subscribe(tell)

application = Application("my application")
usage.setServiceParent(application)
