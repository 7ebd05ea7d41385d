"""The source distribution of the installed `anthropic` SDK: its examples and recorded responses are in no wheel.

It is fetched once through pip into `.cache/sdk/` of the clone, however many test processes ask for it.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache" / "sdk"


class SourceMissing(RuntimeError):
    """The source distribution cannot be had: what was tried, and what to do."""


def sdk_source() -> Path:
    """The unpacked source distribution of the SDK version that is installed."""
    name = f"anthropic-{version('anthropic')}"
    folder = CACHE / name
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / "lock"):
        if not folder.is_dir():
            unpack(download(name), folder)
    return folder


def examples() -> Path:
    """The SDK's examples."""
    return sdk_source() / "examples"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keeps other processes out while the block runs."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def download(name: str) -> Path:
    """The archive of the source distribution `name`, fetched by pip."""
    requirement = name.replace("-", "==", 1)
    options = ["--no-deps", "--no-binary", "anthropic", "--no-build-isolation", "--dest", str(CACHE)]
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *options, requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archive = CACHE / f"{name}.tar.gz"
    if done.returncode or not archive.is_file():
        raise SourceMissing(
            f"pip could not fetch the source distribution {requirement}; it needs the package index, and hatchling and"
            f" hatch-fancy-pypi-readme installed (they are in the development requirements).\n{done.stderr.strip()}"
        )
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Unpacks `archive` as `folder`, which appears only when it is whole."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extractall(unfinished, filter="data")
    (unfinished / folder.name).rename(folder)
    shutil.rmtree(unfinished)
