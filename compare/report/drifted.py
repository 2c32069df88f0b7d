"""What changed between releases, as a table for the pull request that upgrades them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from compare.report.github import annotation
from compare.report.markdown import escaped, table
from compare.report.swept import number_told, truth_told
from compare.report.wording import count_of
from compare.sweep.findings import Difference
from compare.sweep.pinned import Departure

__all__ = ["DRIFT_FORMATS", "Drift", "Moved", "drift_of"]


class Moved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry that is not as it was pinned: every aspect and dtype in which the same numbers changed alike.

    torch, jax, verdict: as pinned and as found. What is not told agreed: it is no entry of the other side.
    """

    kind: str
    op: str
    attributes: str
    point: str
    aspects: tuple[str, ...]
    dtypes: tuple[str, ...]
    torch: tuple[str, str]
    jax: tuple[str, str]
    truth: str
    verdict: tuple[str, str]


class Drift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the installed releases depart from the pinned ones.

    ops, points, entries: that were swept, and how many differences of those ops are pinned. observed: entries of the
    ledger. conventions: of those no longer as declared, sentences by the entry's id.
    """

    pinned: dict[str, str]
    installed: dict[str, str]
    ops: int
    points: int
    entries: int
    moved: tuple[Moved, ...]
    observed: int = 0
    conventions: dict[str, tuple[str, ...]] = {}

    @property
    def fails(self) -> bool:
        """Whether anything that was pinned is no longer so; what is merely new fails nothing."""
        return any(one.kind != "new" for one in self.moved) or bool(self.conventions)


AGREED = "agree"


def drift_of(departures: Sequence[Departure]) -> tuple[Moved, ...]:
    """Departures, those of one point that changed alike as one; changed ones first, new ones last."""
    groups: dict[Any, list[Departure]] = {}
    for one in departures:
        key = (one.kind, one.op, one.attributes, one.point, _numbers(one.pinned), _numbers(one.found))
        groups.setdefault(key, []).append(one)
    moved = [_moved(group) for group in groups.values()]
    return tuple(sorted(moved, key=lambda one: (("changed", "gone", "new").index(one.kind), one.op)))


def _numbers(one: Difference | None) -> Any:
    return None if one is None else (one.torch, one.jax, one.truth, one.verdict)


def _moved(group: list[Departure]) -> Moved:
    first = group[0]
    told = first.found or first.pinned
    assert told is not None

    def both(of: Callable[[Difference], str], otherwise: str) -> tuple[str, str]:
        return (
            of(first.pinned) if first.pinned is not None else otherwise,
            of(first.found) if first.found is not None else otherwise,
        )

    return Moved(
        first.kind,
        first.op,
        first.attributes,
        first.point,
        tuple(dict.fromkeys(one.aspect for one in group)),
        tuple(dict.fromkeys(one.dtype for one in group)),
        both(lambda one: number_told(one.torch), AGREED),
        both(lambda one: number_told(one.jax), AGREED),
        truth_told(told.truth),
        both(lambda one: one.verdict, "match"),
    )


# ---- formats ----

HEADER = ("", "op", "point", "aspect", "torch", "JAX", "truth", "verdict")


def _change(pair: tuple[str, str]) -> str:
    return pair[0] if pair[0] == pair[1] else f"{pair[0]} → {pair[1]}"


def _row(one: Moved) -> list[str]:
    point = f"{one.attributes}; {one.point}" if one.attributes else one.point
    aspect = ", ".join(one.aspects) + (f" ({one.dtypes[0]})" if len(one.dtypes) == 1 else "")
    return [one.kind, one.op, point, aspect, _change(one.torch), _change(one.jax), one.truth, _change(one.verdict)]


def _versions(drift: Drift) -> str:
    return ", ".join(f"{name} {_change((old, drift.installed[name]))}" for name, old in drift.pinned.items())


def _summary(drift: Drift) -> str:
    counts = [f"{sum(one.kind == kind for one in drift.moved)} {kind}" for kind in ("changed", "gone", "new")]
    swept = f"{count_of(drift.ops, 'op', 'ops')} at {drift.points} points, {drift.entries} pinned differences"
    text = f"{swept}: {', '.join(counts)}"
    if drift.observed:
        entries = count_of(drift.observed, "convention", "conventions")
        text += f"; {entries} of the ledger, {len(drift.conventions)} no longer as declared"
    return text


def _markdown(drift: Drift) -> str:
    text = f"# Gradients under {_versions(drift)}\n\n{_summary(drift)}.\n"
    if drift.moved:
        text += "\nAn arrow leads from what was pinned to what is found now.\n\n"
        text += table(HEADER, [[escaped(cell) for cell in _row(one)] for one in drift.moved])
    if drift.conventions:
        text += "\n## Conventions no longer as declared\n\n"
        text += "".join(
            f"- `{id}`: {escaped('; '.join(sentences))}\n" for id, sentences in sorted(drift.conventions.items())
        )
    return text


def _json(drift: Drift) -> str:
    return msgspec.json.format(msgspec.json.encode(drift), indent=2).decode() + "\n"


def _github(drift: Drift) -> str:
    """An error for whatever changed or is gone, a notice for what is new."""
    lines = []
    for one in drift.moved:
        kind, op, point, aspect, torch, jax, truth, verdict = _row(one)
        message = f"{op} at {point}, {aspect}: torch {torch}, JAX {jax}, truth {truth}: {verdict}"
        lines.append(annotation(message, None, f"{kind}: {op}", "notice" if kind == "new" else "error"))
    lines += [
        annotation(" ".join(sentences), None, f"convention {id}") for id, sentences in sorted(drift.conventions.items())
    ]
    return "\n".join([*lines, f"{_versions(drift)}: {_summary(drift)}"]) + "\n"


DRIFT_FORMATS: dict[str, Callable[[Drift], str]] = {"markdown": _markdown, "json": _json, "github": _github}
