"""The logins and services of all providers, for the tests that hold for every one of them.

A provider joins by a module here that has a `PLANTER`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from tests.planters.planter import Planter

__all__ = ["planters"]


@cache
def planters() -> Mapping[str, Planter]:
    """The planters by the id of their provider."""
    modules = [
        import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
    ]
    found: list[Planter] = [module.PLANTER for module in modules if hasattr(module, "PLANTER")]
    return {planter.id: planter for planter in found}
