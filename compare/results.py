"""The result model: what a run stores as JSON, and what every report renders.

`schema: 1`. The published JSON Schema is made from these types (`python -m compare env --schema` prints it).
Numbers JSON lacks are words: `"nan"`, `"inf"`, `"-inf"`, and a complex number as Python writes it, `"1.0-2.5j"`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from compare.concepts import Status
from compare.errors import UsageError
from compare.in_notebooks import shown_in_notebook

__all__ = [
    "INTEGER_WIDTH", "Absent", "CaseResult", "Declared", "Environment", "NaiveDifference", "NaivePort", "Note",
    "Observation", "Pictures", "Raise", "Run", "Sources", "Specialised", "Summary", "Translation",
    "json_schema", "read_run", "summarize",
]  # fmt: skip

SCHEMA = 1

INTEGER_WIDTH = "integer-width"
"""The concept of int64 in PyTorch against int32 in JAX, in a float32 run, where JAX has its 64-bit types off."""

Verdict = Literal[
    "match", "convention", "torch-wrong", "jax-wrong", "both-wrong", "raises-differ", "no-analogue", "mismatch", "error"
]
Outcome = Literal["match", "diverges-as-documented", "mismatch", "error"]
Kind = Literal["value", "gradient", "tape", "error"]


class Raise(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="is", tag="raise"):
    """An error that a leg raised."""

    raises: str
    message: str


class Absent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="is", tag="absent"):
    """Nothing: a demonstration's leg that shows nothing under this name."""


Value = None | bool | int | float | str | list[Any] | Raise | Absent
"""One leg's side of an observation: None, a flag, a number, a word, nested lists of these, an error, or nothing."""


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="is", tag="declared"):
    """A declared divergence: the value each leg is expected to show."""

    torch: Value
    jax: Value


class Observation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing read on every leg, and the judge's word for it.

    reference: the exact value; `"surrogate"` where the gradient is made up on purpose; None where there is none.
    expected: what the case declares, or None when it declares nothing.
    limit: the error allowed at the worst element. detail: one sentence when there is something to say.
    """

    name: str
    kind: Kind
    torch: Value
    jax: Value
    reference: Value
    expected: Value | Declared
    max_abs_error: float | None
    max_ulp: int | None
    verdict: Verdict
    concept: str | None = None
    limit: float | None = None
    detail: str = ""
    line: int = 0

    @property
    def diverges(self) -> bool:
        """Whether the legs legitimately differ here. A tape read has nothing in JAX to differ from."""
        if self.verdict == "no-analogue":
            return self.kind != "tape"
        return self.verdict not in ("match", "mismatch", "error") and self.concept != INTEGER_WIDTH

    @property
    def departs(self) -> bool:
        """Whether this is not as the case declares."""
        undeclared = self.diverges and not isinstance(self.expected, Declared)
        return undeclared or self.verdict in ("mismatch", "error")


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one tape statement became in JAX."""

    line: int
    statement: str
    concept: str
    status: Status
    why: str
    instead: str


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The three programs: the case as written, and the two sources as executed."""

    case: str
    torch: str
    jax: str


class NaiveDifference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that the naive port shows otherwise than PyTorch and the faithful JAX, without a word.

    expected: what the case declares that the naive port shows; None when it declares nothing.
    """

    name: str
    torch: Value
    jax: Value
    naive: Value
    expected: Value
    line: int = 0


class NaivePort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a line-by-line port of a case shows.

    outcome: `"differs"`: silently, in what `differences` holds. `"none"`: there is none, for the reason in `error`.
    source: what was executed. departures: sentences, one for each thing that is not as the case declares.
    """

    outcome: Literal["same", "differs", "raises", "none"]
    source: str
    differences: tuple[NaiveDifference, ...]
    departures: tuple[str, ...]
    error: str | None = None


class Pictures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The programs as graphs, each an `<svg>` element: the tape as PyTorch holds it, and what JAX differentiates."""

    tape: str
    pure: str


class CaseResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case or demonstration, end to end. `error` says what stopped it when its outcome is `error`.

    fault: who stopped it: `"input"` (the case itself) or `"leg"` (a framework crashed or the workbench did).
    divergence: on a mismatch between the legs, the first statement where they part.
    naive: the naive port; None without writes, aliases, grad modes and complex leaves.
    pictures: the programs as graphs; None of a demonstration, which has no tape.
    """

    id: str
    chapter: str
    title: str
    outcome: Outcome
    observations: tuple[Observation, ...]
    notes: tuple[Note, ...]
    sources: Sources
    dtype: str = "float64"
    error: str | None = None
    fault: Literal["input", "leg"] | None = None
    divergence: str | None = None
    seconds: float = 0.0
    kind: Literal["case", "demonstration"] = "case"
    naive: NaivePort | None = None
    pictures: Pictures | None = None

    @property
    def has_reference(self) -> bool:
        """Whether the reference had an answer for at least one of its values and gradients."""
        return any(
            one.kind in ("value", "gradient") and one.reference not in (None, "surrogate") for one in self.observations
        )

    def _repr_html_(self) -> str:
        return shown_in_notebook(self)


class Specialised(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a recording took as it came in its one run: a branch, a number, random data.

    what: `__bool__`, `item`, `dropout` ... why: what that means for the translation.
    """

    line: int
    what: str
    why: str


class Translation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of one run of PyTorch code.

    verdict: `proven`: PyTorch's own run is reproduced, and JAX shows the same gradients and values. `not-proven`:
        something differs. `refused`: no tape program says this run exactly. `raised`: the code itself raised.
    reason: of every verdict but `proven`. divergence: the first statement where the legs part.
    exact: the exact reference was asked, too; it is for small programs only.
    jax, torch: the two programs as executed; empty where there is none. pictures: of them; None where there is none.
    """

    id: str
    path: str
    dtype: str
    verdict: Literal["proven", "not-proven", "refused", "raised"]
    reason: str = ""
    divergence: str | None = None
    observations: tuple[Observation, ...] = ()
    notes: tuple[Note, ...] = ()
    specialised: tuple[Specialised, ...] = ()
    jax: str = ""
    torch: str = ""
    exact: bool = False
    seconds: float = 0.0
    pictures: Pictures | None = None

    def _repr_html_(self) -> str:
        return shown_in_notebook(self)


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The versions and the machine that a run was made with."""

    compare: str
    python: str
    torch: str
    jax: str
    jaxlib: str
    numpy: str
    platform: str


class Summary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """How many cases ended in each outcome.

    cases: all of them. demonstrations: how many of these are demonstrations. three_legs: how many were judged by all
    three legs, the reference included. naive_same, naive_differ, naive_raise: the outcomes of their naive ports.
    """

    cases: int
    match: int
    diverges_as_documented: int
    mismatch: int
    error: int
    demonstrations: int = 0
    three_legs: int = 0
    naive_same: int = 0
    naive_differ: int = 0
    naive_raise: int = 0


class Run(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole run."""

    schema: Literal[1]
    environment: Environment
    summary: Summary
    cases: tuple[CaseResult, ...]

    def to_json(self) -> bytes:
        """The run as JSON, indented, with a newline at the end."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def _repr_html_(self) -> str:
        return shown_in_notebook(self)


def summarize(cases: tuple[CaseResult, ...]) -> Summary:
    """Count outcomes."""
    outcomes = [case.outcome for case in cases]
    ports = [case.naive.outcome for case in cases if case.naive is not None]
    return Summary(
        cases=len(cases),
        match=outcomes.count("match"),
        diverges_as_documented=outcomes.count("diverges-as-documented"),
        mismatch=outcomes.count("mismatch"),
        error=outcomes.count("error"),
        demonstrations=sum(case.kind == "demonstration" for case in cases),
        three_legs=sum(case.has_reference for case in cases),
        naive_same=ports.count("same"),
        naive_differ=ports.count("differs"),
        naive_raise=ports.count("raises"),
    )


def read_run(text: bytes) -> Run:
    """Read a stored run. Raises UsageError saying what is wrong with it, and where."""
    try:
        header = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UsageError(f"This is not a run file: {error}.") from error
    except RecursionError:
        raise UsageError("This is not a run file: its values are nested too deeply.") from None
    if not isinstance(header, dict) or "schema" not in header:
        raise UsageError(
            "This is not a run file: it has no 'schema'. Make one with: compare all --output-format json -o RUN.json"
        )
    if header["schema"] != SCHEMA:
        raise UsageError(
            f"This run file has schema {header['schema']!r}; this version of compare reads schema {SCHEMA}."
        )
    try:
        return msgspec.json.decode(text, type=Run)
    except msgspec.ValidationError as error:
        raise UsageError(f"This run file is damaged: {error}.") from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a stored run."""
    return msgspec.json.schema(Run)
