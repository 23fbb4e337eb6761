"""How much of your AI coding plans is used, asked politely and served on loopback."""

from openusage._version import __version__

__all__ = ["__version__"]
