"""Name the decoders of heatmaps that an export can write into a spec, with their options."""

from __future__ import annotations

from typing import Any

# DARK's kernel is the best for this package's models, whose heatmaps have sigma 2: docs/measurements/flip-and-dark.md.
HEATMAP_DECODERS: dict[str, dict[str, Any]] = {"quarter_offset": {}, "dark": {"kernel": 7}}
