"""The result model: what a run stores as JSON, and what every report renders.

`schema: 1`. The published JSON Schema is made from these types (`python -m compare env --schema` prints it).
Numbers JSON lacks are words: `"nan"`, `"inf"`, `"-inf"`, and a complex number as Python writes it, `"1.0-2.5j"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from compare.concepts import Status
from compare.errors import UsageError
from compare.in_notebooks import shown_in_notebook

__all__ = [
    "INTEGER_WIDTH", "Absent", "CaseResult", "ConventionLink", "ConventionNumbers", "ConventionRemedy",
    "ConventionResult", "ConventionVerdict", "Declared", "Environment", "Lines", "NaiveDifference", "NaivePort", "Note",
    "Observation", "Pictures", "Raise", "Run", "Sources", "Specialised", "Summary", "Translation", "json_schema",
    "read_run", "summarize",
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


class Lines(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which statement of the tape each line came from, so that a page can tie the programs together.

    first: the line of its file where the text of the case begins. statements: of each statement of the tape, its line
        in that file, as notes and observations count. torch, jax: of each line of the program as executed, the
        statement it came from, or None.
    """

    first: int
    statements: tuple[int, ...]
    torch: tuple[int | None, ...]
    jax: tuple[int | None, ...]


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The three programs: the case as written, and the two sources as executed.

    lines: what ties them together; None where no statement of a tape was printed.
    """

    case: str
    torch: str
    jax: str
    lines: Lines | None = None


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
    lines: of each line of `source`, the statement of the tape it came from, or None; empty where `source` is.
    """

    outcome: Literal["same", "differs", "raises", "none"]
    source: str
    differences: tuple[NaiveDifference, ...]
    departures: tuple[str, ...]
    error: str | None = None
    lines: tuple[int | None, ...] = ()


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
    jax, torch: the two programs as executed; empty where there is none. script: the code that was translated.
    lines: what ties the three together. pictures: of the two programs. Both are None where there are none.
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
    script: str = ""
    lines: Lines | None = None
    exact: bool = False
    seconds: float = 0.0
    pictures: Pictures | None = None

    def _repr_html_(self) -> str:
        return shown_in_notebook(self)


ConventionVerdict = Literal[
    "torch-wrong", "jax-wrong", "both-wrong", "convention", "default-differs", "raises-differ", "agrees"
]
"""The judge's word for an entry of the ledger. `agrees`: the same number in both, and not a wrong one."""
Aspect = Literal["value", "reverse", "forward", "second"]


class ConventionNumbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What both frameworks answer at the point of an entry, in one dtype, and what the entry declares."""

    dtype: str
    torch: Value
    jax: Value
    expected: Declared


class ConventionRemedy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Code of one framework that has the other's number.

    framework: whose code it is. numbers: by dtype, what it answered; it is held to the other framework's number.
    """

    framework: Literal["torch", "jax"]
    code: str
    numbers: dict[str, Value]


class ConventionLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An upstream page: `pytorch #7002`, or the title of a page of documentation."""

    title: str
    url: str


class ConventionResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the ledger of conventions, observed.

    family: the group that it belongs to. aspect: which number differs, or was looked at where none does.
    torch, jax: the two expressions. operands: the point, by name.
    left, right: the exact one-sided derivatives, one for each differentiated element (of a smooth function the same);
        for the value and the second derivative, the exact number twice; None where mathematics has no answer.
    torch_rule, jax_rule: the framework's own rule, in this project's words; empty where none is written.
    versions: by framework, the release that the entry is pinned to. departures: sentences, one for each thing that is
        not as the entry declares.
    """

    id: str
    family: str
    title: str
    aspect: Aspect
    verdict: ConventionVerdict
    reason: str
    torch: str
    jax: str
    operands: dict[str, Value]
    numbers: tuple[ConventionNumbers, ...]
    left: Value
    right: Value
    torch_rule: str = ""
    jax_rule: str = ""
    links: tuple[ConventionLink, ...] = ()
    remedies: tuple[ConventionRemedy, ...] = ()
    versions: dict[str, str] = {}
    departures: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the frameworks part here, or are wrong together."""
        return self.verdict != "agrees"

    @property
    def holds(self) -> bool:
        """Whether everything is as the entry declares."""
        return not self.departures


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
    """A whole run. conventions: the ledger, observed; empty where the run did not ask for it."""

    schema: Literal[1]
    environment: Environment
    summary: Summary
    cases: tuple[CaseResult, ...]
    conventions: tuple[ConventionResult, ...] = ()

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
        cut = f" after {len(text)} bytes; the file was cut off there" if "truncated" in str(error) else ""
        raise UsageError(f"This is not a run file: {error}{cut}.") from error
    except RecursionError:
        raise UsageError("This is not a run file: its values are nested too deeply.") from None
    if not isinstance(header, dict) or "schema" not in header:
        raise UsageError(
            "This is not a run file: it has no 'schema'. Make one with: compare all --output-format json -o RUN.json"
        )
    if header["schema"] != SCHEMA:
        raise UsageError(
            f"This run file has schema {header['schema']!r} - at `$.schema`; this version of compare reads schema "
            f"{SCHEMA}. Make it again with: compare all --output-format json -o RUN.json"
        )
    try:
        run = msgspec.json.decode(text, type=Run)
    except msgspec.ValidationError as error:
        raise UsageError(f"This run file is damaged: {error}.") from error
    for place, case in enumerate(run.cases):
        for wrong in _wrong_lines(case):
            raise UsageError(f"This run file is damaged: {wrong} - at `$.cases[{place}]`, case {case.id[:60]!r}.")
    return run


def _wrong_lines(case: CaseResult) -> Iterator[str]:
    """What is wrong with the line maps of a case, a sentence each."""
    lines = case.sources.lines
    maps = {"naive.lines": (case.naive.source, case.naive.lines)} if case.naive is not None else {}
    if lines is not None:
        maps["sources.lines.torch"] = case.sources.torch, lines.torch
        maps["sources.lines.jax"] = case.sources.jax, lines.jax
    statements = 0 if lines is None else len(lines.statements)
    for name, (text, origins) in maps.items():
        printed = len(text.splitlines())
        optional = name == "naive.lines" and not origins
        if len(origins) != printed and not optional:
            yield f"`{name}` maps {len(origins)} lines, but the program has {printed}"
        if any(one is not None and not 0 <= one < statements for one in origins):
            yield f"`{name}` names a statement beyond the {statements} of the tape"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a stored run, as JSON would give it back."""
    schema: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Run)))
    return schema
