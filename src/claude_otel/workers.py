"""The last export of the workers of `multiprocessing`, which end past `atexit` where they are forked."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from wrapt import register_post_import_hook

from claude_otel import guard


class Workers:
    """Has every worker that is started from now on call `export` as it ends, after what else is to be done then."""

    def __init__(self, export: Callable[[], None]) -> None:
        self._export = export
        self._active = True
        # Who does not use it does not import it.
        register_post_import_hook(self._imported, "multiprocessing.util")

    def stop(self) -> None:
        """Has the workers that are started from now on end as they do without us."""
        self._active = False

    def _imported(self, util: ModuleType) -> None:
        def begins(workers: Workers) -> None:
            try:
                if workers._active:
                    util.Finalize(None, workers._export, exitpriority=LAST)
            except Exception:
                guard.failed("fork")

        util.register_after_fork(self, begins)


LAST = -1000
"""The priority among what a worker does as it ends."""
