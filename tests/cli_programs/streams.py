"""Writes words without a new line, and emits two calls meanwhile."""

import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent))

from cli_child import chat
from emit_calls import emit

for number in range(12):
    print(f"word{number} ", end="", flush=True)
    if number in (2, 4):
        emit([chat()])
    time.sleep(0.1)
