"""What the program of the drill is told to do: calls of one surface, at a rate, with what the API finds in them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Traffic:
    """Calls of one surface until they are stopped, or so many of them."""

    surface: str
    prompts: tuple[str, ...] = ("all is well",)
    """One after the other, again and again; the script of the fake API knows them."""
    model: str = "claude-opus-5-5"
    per_second: float = 2.0
    count: int = 0
    """How many calls; 0 is without end."""
    threads: int = 1
    stream: bool = False
    retries: int = 0
    headers: dict[str, str] = field(default_factory=dict)
