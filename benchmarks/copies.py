"""Copies of packages in one process, so that one is patched and another is not, and both stay as they are.

Instrumenting and uninstrumenting between timings would not do: Python forgets what it has learned of a class when that
class is changed, and the calls after that are slow whoever records them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


class Copy:
    """Packages of its own, and all modules in them, imported now or later."""

    def __init__(self, *packages: str) -> None:
        """Raises ImportError where one of `packages` is not there."""
        self._packages = packages
        self._modules: dict[str, ModuleType] = {}
        with self.current():
            for package in packages:
                importlib.import_module(package)

    def module(self, name: str) -> ModuleType:
        """A module of this copy."""
        with self.current():
            return importlib.import_module(name)

    @contextmanager
    def current(self) -> Iterator[None]:
        """With these modules as those that imports find."""
        others = self._take_out()
        sys.modules.update(self._modules)
        try:
            yield
        finally:
            self._modules = self._take_out()
            sys.modules.update(others)

    def _take_out(self) -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.partition(".")[0] in self._packages]
        return {name: sys.modules.pop(name) for name in names}
