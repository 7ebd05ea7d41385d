"""What an application that is instrumented imports: little, and in any order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import claude_otel

FOLDER = Path(claude_otel.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("__"))

THIRD_PARTY = """
import sys
import opentelemetry.instrumentation.instrumentor, opentelemetry.instrumentation.utils, opentelemetry._logs, wrapt
{before}
before = set(sys.modules)
{program}
new = set(sys.modules) - before
foreign = sorted(
    name for name in new
    if name.partition(".")[0] not in sys.stdlib_module_names and name.partition(".")[0] != "claude_otel"
)
print(foreign)
"""


def printed(program: str, **environment: str) -> str:
    """What a program prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300, env=environment
    )
    return done.stdout.strip()


def test_importing_us_imports_only_the_api_of_opentelemetry() -> None:
    """Beside wrapt and the base of instrumentors: no SDK of OpenTelemetry, no `anthropic`, none of the extras."""
    found = printed(THIRD_PARTY.format(before="", program="import claude_otel"))
    assert [name for name in eval(found) if not name.startswith("opentelemetry.")] == []
    assert [name for name in eval(found) if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))] == []


def test_instrumenting_imports_nothing_more() -> None:
    """The SDK is the application's own; YAML only for a file."""
    program = "import claude_otel; claude_otel.instrument()"
    found = eval(printed(THIRD_PARTY.format(before="import anthropic, anthropic._decoders.jsonl", program=program)))
    assert [name for name in found if not name.startswith("opentelemetry.")] == []
    assert [name for name in found if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))] == []


def test_yaml_is_imported_for_a_file(tmp_path: Path) -> None:
    """And only then."""
    file = tmp_path / "claude-otel.yaml"
    file.write_text("surfaces: {}\n")
    program = "import sys, claude_otel; claude_otel.instrument(); print('yaml' in sys.modules)"
    assert printed(program) == "False"
    assert printed(program, CLAUDE_OTEL_CONFIG=str(file)) == "True"


EACH = """
import importlib, os, sys
for module in {modules!r}:
    child = os.fork()
    if not child:
        try:
            importlib.import_module("claude_otel." + module)
        except BaseException as error:
            print(module, repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_every_module_can_be_imported_first() -> None:
    """No import is circular."""
    assert printed(EACH.format(modules=MODULES)) == ""
