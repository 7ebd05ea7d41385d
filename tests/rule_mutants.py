"""Changes each threshold, comparison, wait and window of each alert in turn, and sees whether a promtool test fails.

    python tests/rule_mutants.py [ALERT ...]

A mutant that no test notices is a number in the rules that could be wrong. `make test-mutants` runs all of them.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import rules_under_test
from claude_otel.monitoring import durations
from claude_otel.monitoring.rules_file import ALERTS, rule_files

MINUTE = 60_000

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_DURATION = re.compile(r"(?<![\w.$:])\d+(?:ms|[smhd])(?!\w)")
_NUMBER = re.compile(r"(?<![\w.$:])\d+(?:\.\d+)?(?![\w.:])")
_COMPARISON = re.compile(r"(?<![<>=!~])(?:>=|<=|==|!=|>|<)(?![=~])")
_OTHER = {">": (">=", "<"), ">=": (">", "<="), "<": ("<=", ">"), "<=": ("<", ">="), "==": ("!=",), "!=": ("==",)}

Rule = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """One change to a rule."""

    alert: str
    what: str
    rule: Rule


@cache
def shipped() -> dict[str, Rule]:
    """The alerts of the test configuration, by name, as the tests read them."""
    text = rules_under_test.only_summaries(rule_files(rules_under_test.config())[ALERTS])
    return {rule["alert"]: rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]}


@cache
def blocks() -> dict[str, list[tuple[str, Rule]]]:
    """The test blocks of each alert, each with the evaluation interval of its file."""
    found: dict[str, list[tuple[str, Rule]]] = {}
    for file in rules_under_test.files():
        document = yaml.safe_load(file.read_text())
        for block in document["tests"]:
            if "alert_rule_test" in block:
                found.setdefault(block["name"], []).append((document["evaluation_interval"], block))
    return found


def mutants(alert: str) -> Iterator[Mutant]:
    """Every change to the rule of `alert`."""
    rule = shipped()[alert]
    step = durations.milliseconds(blocks()[alert][0][0])
    for key in ("for", "keep_firing_for"):
        length = durations.milliseconds(rule[key]) if key in rule else 0
        changes = [length + step] if key == "for" or length else []
        changes += [length - step] if length else []
        for change in changes:
            yield Mutant(alert, f"{key}: {rule.get(key, 'at once')} -> {change // 1000}s", {**rule, key: f"{change}ms"})
    # The Watchdog's number means nothing: that there is one is all.
    for what, expr in expressions(rule["expr"]) if alert != "Watchdog" else ():
        yield Mutant(alert, what, {**rule, "expr": expr})


def expressions(expr: str) -> Iterator[tuple[str, str]]:
    """Every change to an expression."""
    blank = _STRING.sub(lambda found: '"' + " " * (len(found[0]) - 2) + '"', expr)
    for found in _COMPARISON.finditer(blank):
        if blank[: found.start()].count("{") == blank[: found.start()].count("}"):
            yield from replaced(expr, found, _OTHER[found[0]])
    for found in _DURATION.finditer(blank):
        length = durations.milliseconds(found[0])
        yield from replaced(expr, found, (f"{length * 2}ms", f"{length // 2}ms"))
    for found in _NUMBER.finditer(blank):
        yield from replaced(expr, found, other_numbers(found[0]))


def other_numbers(number: str) -> tuple[str, ...]:
    """Numbers that are a little more and a little less."""
    value = float(number)
    if value == 0:
        return ("1",)
    if value.is_integer() and value < 1000:
        return (str(value + 1), str(value - 1)) if value > 1 else ("2", "0.5")
    return (repr(value * 1.01), repr(value * 0.99))


def replaced(expr: str, found: re.Match[str], others: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """`expr` with each of `others` in place of what was `found`."""
    line = expr.count("\n", 0, found.start()) + 1
    for other in others:
        yield f"line {line}: {found[0]} -> {other}", expr[: found.start()] + other + expr[found.end() :]


def survives(mutant: Mutant) -> bool:
    """Whether every test of the alert passes with the mutant."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        rules = {"groups": [{"name": "mutant", "rules": [mutant.rule]}]}
        (directory / "rules.yml").write_text(yaml.safe_dump(rules))
        intervals = {interval for interval, _ in blocks()[mutant.alert]}
        for interval in intervals:
            tests = [block for each, block in blocks()[mutant.alert] if each == interval]
            document = {"rule_files": ["rules.yml"], "evaluation_interval": interval, "tests": tests}
            (directory / "test.yml").write_text(yaml.safe_dump(document))
            ran = rules_under_test.run("test", "rules", "test.yml", directory=directory)
            if ran.returncode:
                return False
    return True


def survivors(alert: str) -> tuple[int, list[Mutant]]:
    """How many mutants of `alert` there are, and those that no test notices."""
    made = list(mutants(alert))
    return len(made), [mutant for mutant in made if survives(mutant)]


def main(names: list[str]) -> int:
    """Runs the mutants of `names`, of all alerts without any, and prints a table."""
    chosen = names or list(shipped())
    alive = total = 0
    with ThreadPoolExecutor(2) as pool:
        for alert, (made, left) in zip(chosen, pool.map(survivors, chosen), strict=True):
            total, alive = total + made, alive + len(left)
            print(f"{alert:32} {made:3} mutants, {len(left)} unnoticed")
            for mutant in left:
                print(f"    {mutant.what}")
    print(f"{total} mutants of {len(chosen)} alerts, {alive} unnoticed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
