"""Emits as many `claude.call` events as its argument says, and ends at once."""

import sys

from cli_child import chat
from emit_calls import emit

emit([chat()] * int(sys.argv[1]))
