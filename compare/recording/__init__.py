"""Recording real PyTorch code: one run of it becomes a tape program."""

from __future__ import annotations

__all__: list[str] = []
