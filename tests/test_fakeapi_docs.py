"""docs/fake-api.md: its table of faults is that of the code, and its example runs.

`python tests/test_fakeapi_docs.py` writes the table anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from claude_otel.fakeapi import FAULTS

PAGE = Path(__file__).parents[1] / "docs" / "fake-api.md"
TABLE = re.compile(r"(<!-- faults: .*? -->\n).*?(<!-- end of faults -->)", re.DOTALL)


def table() -> str:
    """The faults as a table."""
    rows = [f"| `{name}` | {shown(name)} |\n" for name in FAULTS]
    return "| Fault | What the client meets |\n|---|---|\n" + "".join(rows)


def shown(name: str) -> str:
    """What a fault is, with its error type and code."""
    fault = FAULTS[name]
    if fault.kind != "error":
        return fault.summary
    code = f", `{fault.error_code}`" if fault.error_code else ""
    return f"{fault.summary} (`{fault.type}`{code})"


def renewed(text: str) -> str:
    """The page with its table written anew."""
    return TABLE.sub(lambda found: found[1] + table() + found[2], text)


def test_the_table_of_faults() -> None:
    """Renew it with `python tests/test_fakeapi_docs.py`."""
    assert PAGE.read_text() == renewed(PAGE.read_text())


def test_the_example() -> None:
    """The Python of the page runs."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(code, {})


def test_the_script() -> None:
    """The script of the page is one."""
    import yaml

    from claude_otel.fakeapi.script import parse_script

    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    rules, seed = parse_script(yaml.safe_load(text), "docs/fake-api.md")
    assert (len(rules), seed) == (3, 7)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
