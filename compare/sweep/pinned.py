"""What is known to differ, pinned to versions in a file; and how what is found now departs from it.

Strict in both directions: a difference that is gone departs like one that is new.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from compare.errors import UsageError
from compare.sweep.findings import Difference, Number, Swept

__all__ = ["PINNED", "Departure", "Pinned", "departures", "pinned_with", "read_pinned", "write_pinned"]

PINNED = Path(__file__).with_name("pinned.json")
CLOSE, NOTHING = 2e-2, 1e-6
"""Two numbers this near, relatively or to 0, are one: what roundings leave of a number differs between processors."""


class Pinned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The differences that were found under some versions."""

    torch: str
    jax: str
    differences: tuple[Difference, ...]


class Departure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One aspect of one point in one dtype that is not as it is pinned."""

    kind: Literal["new", "gone", "changed"]
    op: str
    attributes: str
    point: str
    aspect: str
    dtype: str
    pinned: Difference | None
    found: Difference | None


def read_pinned(path: Path = PINNED) -> Pinned:
    """The pinned differences. Raises UsageError for a file that is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pinned)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{path} does not hold pinned differences: {error}. Write it anew with --pin.") from error


def write_pinned(pinned: Pinned, path: Path = PINNED) -> None:
    """One difference a line, in order, so that a change reads as one."""
    lines = [msgspec.json.encode(one).decode() for one in sorted(pinned.differences, key=_order)]
    head = f'{{"torch":"{pinned.torch}","jax":"{pinned.jax}","differences":['
    path.write_text(head + "\n" + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


def pinned_with(pinned: Pinned, swept: Sequence[Swept], torch: str, jax: str, ops: Iterable[str]) -> Pinned:
    """What was found in place of what is pinned for the same ops; other ops that still exist stay as they are."""
    new = {one.op for one in swept}
    known = set(ops)
    kept = [one for one in pinned.differences if one.op not in new and one.op in known]
    return Pinned(torch, jax, (*kept, *(one for each in swept for one in each.differences)))


def departures(pinned: Pinned, swept: Sequence[Swept], dtypes: Sequence[str]) -> list[Departure]:
    """How what was found departs from what is pinned, for the ops and dtypes that were swept."""
    ops = {one.op for one in swept}
    before = _by_key(one for one in pinned.differences if one.op in ops)
    now = _by_key(one for each in swept for one in each.differences)
    found: list[Departure] = []
    for key in dict.fromkeys([*before, *now]):
        if key[-1] not in dtypes:
            continue
        old, new = before.get(key), now.get(key)
        kind: Literal["new", "gone", "changed"]
        if old is None:
            kind = "new"
        elif new is None:
            kind = "gone"
        elif _same(old, new):
            continue
        else:
            kind = "changed"
        found.append(Departure(kind, *key, old, new))
    return found


_Key = tuple[str, str, str, str, str]


def _by_key(differences: Iterable[Difference]) -> dict[_Key, Difference]:
    return {
        (one.op, one.attributes, one.point, aspect, dtype): one
        for one in differences
        for aspect in one.aspects
        for dtype in one.dtypes
    }


def _order(one: Difference) -> Any:
    return one.op, one.attributes, one.point, one.aspects, one.dtypes


def _same(one: Difference, other: Difference) -> bool:
    return one.verdict == other.verdict and one.elements == other.elements and all(
        _close(a, b) for a, b in ((one.torch, other.torch), (one.jax, other.jax), (one.truth, other.truth))
    )  # fmt: skip


def _close(one: Number | tuple[Number, Number], other: Number | tuple[Number, Number]) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return all(_close(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=CLOSE, abs_tol=NOTHING)
    return one == other
