"""An SDK whose version is not supported is left alone, with one message that says so, and never an exception."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import anthropic
import pytest

TESTS = Path(__file__).parent

CALLS = """
import logging; logging.basicConfig(format="%(levelname)s %(message)s")
import claude_otel, wire
from conftest import Exported
exported = Exported()
exported.instrument()
exported.instrument()
print(wire.client().messages.create(**wire.ASK).content[0].text, len(exported.spans))
claude_otel.uninstrument()
"""


def run(program: str, first: Path) -> subprocess.CompletedProcess[str]:
    """Runs `program` where what lies in the folder `first` is imported before anything else."""
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(first), str(TESTS)])}
    return subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)


def claim(folder: Path, version: str) -> None:
    """Makes the metadata of the SDK say that it has this version."""
    metadata = folder / f"anthropic-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: anthropic\nVersion: {version}\n", encoding="utf-8")


@pytest.mark.parametrize("version", ["0.107.1", "3.0.0"])
def test_a_version_outside_the_range_is_left_alone(tmp_path: Path, version: str) -> None:
    """The call goes on, nothing is recorded, and the message has what was found and what is supported."""
    claim(tmp_path, version)
    done = run(CALLS, tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello 0\n"), done.stderr
    messages = [line for line in done.stderr.splitlines() if "anthropic" in line]
    assert len(set(messages)) == 1, done.stderr
    assert version in messages[0]
    assert "anthropic >= 0.108, < 3" in messages[0].replace("anthropic<3,>=0.108", "anthropic >= 0.108, < 3")


STUBS = {
    "nothing of ours": {"__init__": ""},
    "no functions": {
        "__init__": "from . import _base_client, _response, _streaming, _decoders",
        "_base_client": "class SyncAPIClient: pass\nclass AsyncAPIClient: pass\nclass BaseClient: pass",
        "_response": "class APIResponse: pass\nclass AsyncAPIResponse: pass",
        "_streaming": "class Stream: pass\nclass AsyncStream: pass",
        "_decoders": "from types import SimpleNamespace\nimport sys",
    },
}

LEFT_ALONE = """
import logging; logging.basicConfig(format="%(levelname)s %(message)s")
from claude_otel.instrumentor import ClaudeInstrumentor
ClaudeInstrumentor().instrument(skip_dep_check=True)
import anthropic
print("imported")
ClaudeInstrumentor().uninstrument()
"""


@pytest.mark.parametrize("modules", STUBS.values(), ids=STUBS)
def test_an_sdk_without_our_seams_is_left_alone(tmp_path: Path, modules: dict[str, str]) -> None:
    """Whatever a later SDK looks like, importing it works, and one warning says that calls are not recorded."""
    package = tmp_path / "anthropic"
    package.mkdir()
    for name, text in modules.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    done = run(LEFT_ALONE, tmp_path)
    assert (done.returncode, done.stdout) == (0, "imported\n"), done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith(("WARNING", "ERROR"))]
    assert len(warnings) == 1, done.stderr
    assert "could not instrument the anthropic SDK; calls are not recorded" in warnings[0]


WITHOUT_ATTEMPTS = """
from anthropic import _base_client

def found_otherwise(self, name):
    if name == "_attempt_request":
        return self._sent
    raise AttributeError(name)

for cls in (_base_client.SyncAPIClient, _base_client.AsyncAPIClient):
    cls._sent, cls.__getattr__ = cls._attempt_request, found_otherwise
    del cls._attempt_request
"""


@pytest.mark.skipif(
    not hasattr(anthropic.Anthropic, "_attempt_request"), reason="this SDK has no function for one attempt"
)
def test_an_sdk_without_one_of_our_seams_is_recorded_as_far_as_it_goes(tmp_path: Path) -> None:
    """Without the function for one attempt, which a later SDK may drop, calls are recorded and attempts are not."""
    done = run(WITHOUT_ATTEMPTS + CALLS, tmp_path)
    assert (done.returncode, done.stdout) == (0, "hello 1\n"), done.stderr
