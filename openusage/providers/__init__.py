"""Providers: the services whose usage can be asked for, one module or package for each."""

from openusage.providers.interface import DeclaredLine, IProvider, Link, Provider

__all__ = ["DeclaredLine", "IProvider", "Link", "Provider"]
