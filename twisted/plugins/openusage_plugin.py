"""Makes `twistd openusage` known."""

from twisted.application.service import ServiceMaker

openusage = ServiceMaker(
    "OpenUsage",
    "openusage.service",
    "How much of your AI coding plans is used, as JSON on loopback.",
    "openusage",
)
