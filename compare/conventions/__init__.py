"""The ledger of conventions: where the two frameworks' gradients differ or agree at a point, and who is right.

Data only: importing this package imports neither framework. `compare/ledger.py` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable

from compare.conventions import (
    complex_numbers,
    compositions,
    defaults,
    indices,
    kinks,
    limits,
    matrices,
    missing,
    norms,
    special,
    ties,
)
from compare.conventions.convention import OBSERVED_WITH, WRONG, Convention
from compare.errors import UsageError, nearest

__all__ = ["CONVENTIONS", "FAMILIES", "OBSERVED_WITH", "WRONG", "Convention", "find_convention"]

FAMILIES: dict[str, tuple[Convention, ...]] = {
    "kinks": kinks.ENTRIES,
    "ties": ties.ENTRIES,
    "norms": norms.ENTRIES,
    "limits": limits.ENTRIES,
    "compositions": compositions.ENTRIES,
    "special": special.ENTRIES,
    "matrices": matrices.ENTRIES,
    "indices": indices.ENTRIES,
    "complex": complex_numbers.ENTRIES,
    "defaults": defaults.ENTRIES,
    "missing": missing.ENTRIES,
}
"""Every entry, by family."""


def _by_id(families: Iterable[tuple[Convention, ...]]) -> dict[str, Convention]:
    found: dict[str, Convention] = {}
    for entries in families:
        for one in entries:
            if one.id in found:
                raise RuntimeError(f"Two conventions are '{one.id}'.")
            found[one.id] = one
    return found


CONVENTIONS = _by_id(FAMILIES.values())
"""Every entry, by id."""


def find_convention(name: str) -> Convention:
    """The entry of that id. Raises UsageError with the nearest one."""
    if name not in CONVENTIONS:
        raise UsageError(f"Unknown convention '{name}'.{nearest(name, CONVENTIONS)}")
    return CONVENTIONS[name]
