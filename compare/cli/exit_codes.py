"""What a command answers with: one number for each kind of end."""

from __future__ import annotations

__all__ = ["AS_DECLARED", "BAD_INPUT", "CRASHED", "DEPARTED", "INTERRUPTED", "NOTHING_SELECTED"]

AS_DECLARED, DEPARTED, BAD_INPUT, CRASHED, NOTHING_SELECTED, INTERRUPTED = 0, 1, 2, 3, 5, 130
