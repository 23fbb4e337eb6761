"""A site of your own that serves the API below a prefix, beside its other pages.

Run it with `twistd -ny mount.py`, then `curl http://127.0.0.1:8080/tracker/v1/usage`.
`PORT` changes the endpoint.
"""

import os

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from openusage.service import Options, build

usage = build(reactor, Options.of())

root = Resource()
root.putChild(b"", Data(b"My own page.", "text/plain"))
root.putChild(b"tracker", usage.resource())
endpoint = serverFromString(reactor, os.environ.get("PORT", "tcp:8080:interface=127.0.0.1"))

application = Application("my site")
usage.setServiceParent(application)
StreamServerEndpointService(endpoint, Site(root)).setServiceParent(application)
