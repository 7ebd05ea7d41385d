"""The metrics that are on no dashboard."""

from __future__ import annotations

from collections.abc import Mapping

LEFT_OUT: Mapping[str, str] = {}
"""Why a metric is on no panel, by its name. At most five."""
