"""Concepts in words: one with everything that is known of it, or the map of all, silent differences first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compare.concepts import OBSERVED_WITH, STATUSES, ranked
from compare.report.plain import columns
from compare.report.wording import count_of, visible

if TYPE_CHECKING:
    from compare.cases import Case
    from compare.concepts import Concept, Page

__all__ = ["ConceptMap", "Explanation", "rows_of"]

_OBSERVED = f"Observed with PyTorch {OBSERVED_WITH['torch']} and JAX {OBSERVED_WITH['jax']}."


def rows_of(one: Concept, shown_by: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """Everything that is known of a concept, each with its label. shown_by: rows for what shows it."""
    rows = [
        ("Status", f"{one.status}: {STATUSES[one.status]}"),
        ("PyTorch", one.torch),
        ("JAX", one.jax),
        ("Why", one.why),
        ("Instead", one.instead),
        ("Versions", f"{_OBSERVED}{' ' if one.versions else ''}{one.versions}"),
    ]
    if one.contradicts is not None:
        said = f"{one.contradicts.claim} ({_address(one.contradicts.page)})"
        rows += [("It is written", said), ("What runs show", one.contradicts.observed)]
    return [*rows, *shown_by, ("PyTorch page", _address(one.torch_page)), ("JAX page", _address(one.jax_page))]


@dataclass(frozen=True)
class Explanation:
    """One concept, and the cases and demonstrations that show it."""

    concept: Concept
    cases: Sequence[Case]

    def as_text(self, width: int | None) -> str:
        """Labelled paragraphs."""
        heading = columns([[f"{self.concept.id}: {self.concept.title}"]], width)
        return heading + "\n" + columns(self._rows(), width)

    def as_line(self) -> str:
        """The concept, its status and what to write."""
        return visible(f"{self.concept.id}: {self.concept.status}: {self.concept.instead}") + "\n"

    def as_markdown(self) -> str:
        """A section."""
        from compare.report.markdown import escaped

        rows = "".join(f"- {label}: {escaped(text)}\n" for label, text in self._rows())
        return f"# {escaped(self.concept.id)}: {escaped(self.concept.title)}\n\n{rows}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        one = self.concept
        words = {name: getattr(one, name) for name in ("id", "title", "status", "torch", "jax", "why", "instead")}
        refuted = one.contradicts
        return {
            **words,
            "observed_with": OBSERVED_WITH,
            "versions": one.versions,
            "contradicts": refuted
            and {"claim": refuted.claim, "page": _page(refuted.page), "observed": refuted.observed},
            "torch_page": _page(one.torch_page),
            "jax_page": _page(one.jax_page),
            "cases": [{"id": case.id, "kind": case.kind, "title": case.title} for case in self.cases],
        }

    def _rows(self) -> list[tuple[str, str]]:
        shown_by = [(case.kind.title(), f"{case.id}: {case.title}") for case in self.cases]
        return rows_of(self.concept, shown_by or [("Case", "no case shows it yet")])


@dataclass(frozen=True)
class ConceptMap:
    """Every concept by status, silent differences first, with the cases and demonstrations that show each."""

    shown_by: Mapping[str, Sequence[Case]]

    def as_text(self, width: int | None) -> str:
        """A heading and its rows for each status: the concept, how many cases show it, its title."""
        widest = max(map(len, self.shown_by))
        parts = columns([[self._summary()]], width)
        for status, concepts in ranked().items():
            rows = [(f"  {one.id.ljust(widest)}", f"{len(self.shown_by[one.id]):>3}", one.title) for one in concepts]
            parts += "\n" + columns([[f"{status} ({len(concepts)}): {STATUSES[status]}"]], width) + columns(rows, width)
        return parts

    def as_line(self) -> str:
        """One line for each concept."""
        every = [one for concepts in ranked().values() for one in concepts]
        return "".join(visible(f"{one.id}: {one.status}: {one.title}") + "\n" for one in every)

    def as_markdown(self) -> str:
        """A section for each status, with a table of its concepts."""
        from compare.report.markdown import escaped, table

        parts = [f"# Concepts\n\n{self._summary()}\n"]
        for status, concepts in ranked().items():
            rows = [[escaped(one.id), str(len(self.shown_by[one.id])), escaped(one.title)] for one in concepts]
            heading = f"## {status} ({len(concepts)})\n\n{STATUSES[status].capitalize()}.\n"
            parts.append(heading + "\n" + table(["concept", "cases", "title"], rows))
        return "\n".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        groups = ranked()
        return {
            "counts": {status: len(concepts) for status, concepts in groups.items()},
            "concepts": [
                {
                    "id": one.id,
                    "status": status,
                    "title": one.title,
                    "cases": [case.id for case in self.shown_by[one.id]],
                }
                for status, concepts in groups.items()
                for one in concepts
            ],
        }

    def _summary(self) -> str:
        distinct = {case.id for cases in self.shown_by.values() for case in cases}
        concepts = count_of(len(self.shown_by), "concept", "concepts")
        cases = count_of(len(distinct), "case or demonstration", "cases and demonstrations")
        return f"{concepts}, shown by {cases}. The number beside a concept says how many show it."


def _page(page: Page) -> dict[str, str]:
    return {"title": page.title, "url": page.url}


def _address(page: Page) -> str:
    return f"{page.title}, {page.url}"
