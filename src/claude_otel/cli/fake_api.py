"""`claude-otel fake-api`: a Claude API on loopback, to try programs and drills against without a key."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from claude_otel.cli.problem import Problem

if TYPE_CHECKING:
    from claude_otel.fakeapi import FakeAPI

Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes any free one.")]
Host = Annotated[str, typer.Option(help="The address to listen on; anything but loopback lets others in.")]
ScriptFile = Annotated[
    Optional[Path],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option(metavar="FILE", help="A YAML or JSON file with rules: which requests get which fault or answer."),
]
JournalFile = Annotated[
    Optional[Path],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option(metavar="FILE", help="Append a line of JSON to FILE for each request that was served."),
]
FirstToken = Annotated[float, typer.Option(min=0, help="Seconds until an answer begins.")]
TokensPerSecond = Annotated[float, typer.Option(min=0, help="How fast an answer comes; 0 is at once.")]
Jitter = Annotated[float, typer.Option(min=0, max=1, help="The share by which both vary at random, from 0 to 1.")]
RequestsPerMinute = Annotated[
    int, typer.Option(min=0, help="Refuse more requests a minute than this with a 429; 0 refuses none.")
]
BatchDelay = Annotated[float, typer.Option(min=0, help="Seconds until a batch ends.")]
Seed = Annotated[
    Optional[int],  # noqa: UP045 - typer on Python 3.10 reads this one
    typer.Option(help="The seed of everything random: the same seed, the same faults. By default the script's, or 0."),
]
Bodies = Annotated[bool, typer.Option(help="Keep headers and bodies of requests in the journal.")]


def fake_api(
    port: Port = 8787,
    host: Host = "127.0.0.1",
    script: ScriptFile = None,
    journal: JournalFile = None,
    first_token: FirstToken = 0.2,
    tokens_per_second: TokensPerSecond = 200.0,
    jitter: Jitter = 0.3,
    requests_per_minute: RequestsPerMinute = 0,
    batch_delay: BatchDelay = 0.0,
    seed: Seed = None,
    bodies: Bodies = False,
) -> None:
    """Serve a Claude API on loopback: messages, streaming, tools, caching, batches, and faults on demand.

    Any key is accepted and nothing is sent anywhere. A request meets a fault when a rule of the script says so, or its
    own header x-fake-fault: overloaded. GET /_fake/faults lists the faults, GET /_fake/journal what was served,
    and POST /_fake/script changes the rules of a running server.

    Example: claude-otel fake-api --script outage.yaml
    """
    from claude_otel.fakeapi import FakeAPI, Latency, PortInUseError, RateLimits, ScriptError

    per_token = 1 / tokens_per_second if tokens_per_second else 0.0
    try:
        api = FakeAPI(
            script=script or (),
            seed=seed,
            latency=Latency(first_token, per_token, jitter),
            rate_limits=RateLimits(requests=requests_per_minute) if requests_per_minute else None,
            journal=journal,
            keep_bodies=bodies,
            batch_delay=batch_delay,
            retry_after_ms=1_000,
            host=host,
            port=port,
            tag=secrets.token_hex(3),
        )
    except (ScriptError, PortInUseError) as error:
        raise Problem(str(error)) from error
    except OSError as error:
        raise Problem(f"--journal {journal}: {error.strerror}. Name a file in a folder that exists.") from error
    announce(api)
    api.serve_forever()


def announce(api: FakeAPI) -> None:
    """Say where the server is and how to point a program at it."""
    typer.echo(f"A fake Claude API listens on {api.url} (Ctrl-C stops it). Point a program at it:")
    for name, value in api.environment.items():
        typer.echo(f"  export {name}={value}")
