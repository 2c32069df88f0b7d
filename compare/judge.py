"""The judge: what the legs saw of one case becomes a verdict per observation, and one outcome.

Compared in this order: shape, dtype, the pattern of NaN, infinities and None, then values. Shape and dtype are held
against the program's own facts, values against each other and against the reference. What a case declares is checked
in both directions.

The sign of a zero is told in `detail` and does not decide: IEEE 754 calls -0.0 and 0.0 equal, and correct programs
differ in it (a masked product gives -0.0 where a select gives 0.0). Where a sign matters later, as in `1 / x`, it shows
there as an infinity of the other sign, which is a mismatch.

The pattern of a complex element is that of its two parts. Both parts are held to the size of the larger one: an
error is small beside the number that was computed, not beside a part of it that happens to cancel.

A float64 number that was computed through float32 is held to the tolerance of float32; the reference knows which are.
Where it knows that a number depends on vectors of either sign, and not all three agree, the legs are held against each
other alone.

Two legs whose every element is near enough to the reference match, also where they are a little too far from each
other; `detail` says how far. At a kink, where the reference is an interval, they have to agree with each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec
import numpy as np

from compare.errors import CompareError
from compare.facts import Handle
from compare.observed import (
    THROUGH_FLOAT32,
    UP_TO_A_SIGN,
    Array,
    Directional,
    Failure,
    LegRun,
    Observed,
    OneSided,
    Raised,
    Surrogate,
)
from compare.program import Program
from compare.results import INTEGER_WIDTH, Declared, Kind, Observation, Outcome, Raise, Value, Verdict
from compare.statements import Attempt, Read, Warned, as_number, from_number, is_number_word, nested_shape

__all__ = [
    "TOLERANCES", "Comparison", "Tolerance", "compare", "declared_numbers", "in_form", "judge_case", "outcome",
    "to_json_value", "undeclared_warnings",
]  # fmt: skip

# ---- the tolerances ----


class Tolerance(NamedTuple):
    """The allowed error of an element is `atol + rtol * max(|left|, |right|)`; 0 and 0 means exact.

    digits: of the significand, the hidden bit included; one ulp of x is `2 ** (exponent of x - digits)`.
    """

    rtol: float
    atol: float
    digits: int = 0


TOLERANCES = {
    # rtol is 450000, 84, 10 and 6 machine epsilons: room for the roundings of a small program, none for a wrong factor.
    # atol is 45, 8, 2 and 2 of them: what terms of order one leave when they cancel. Below atol nothing can be judged.
    "float64": Tolerance(1e-10, 1e-14, 53),
    "float32": Tolerance(1e-5, 1e-6, 24),
    "complex128": Tolerance(1e-10, 1e-14, 53),
    "complex64": Tolerance(1e-5, 1e-6, 24),
    "float16": Tolerance(1e-2, 2e-3, 11),
    "bfloat16": Tolerance(5e-2, 1.6e-2, 8),
    **dict.fromkeys(("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"), Tolerance(0.0, 0.0)),
    "bool": Tolerance(0.0, 0.0),
}
"""Per dtype of the tensor, and nowhere else. Never scaled by the size of an array."""
WRONG: tuple[Verdict, ...] = ("torch-wrong", "jax-wrong", "both-wrong")
"""Verdicts that the reference decides."""


# ---- comparing two sides ----


@dataclass(frozen=True)
class Comparison:
    """How two sides of an observation compare.

    aspect: the first aspect in which they differ: `kind` (None, an array, a word), `shape`, `pattern` (of NaN and
        infinities) or `value`; empty when they agree.
    index: where: the element furthest beyond its limit. limit: the allowed error there.
    error, ulp: the largest over all elements; None where there is no number to give. Two numbers below `atol` are
        zero ulps apart: 0.0 and 5e-26 are the same answer, not 5e15 ulps of error.
    zero: where two zeros have different signs. below: where two numbers below `atol` differ by more than `rtol` allows.

    `error <= limit` exactly when the values agree: where they do, the limit is that of the largest error.
    """

    aspect: str = ""
    index: tuple[int, ...] = ()
    error: float | None = None
    limit: float | None = None
    ulp: int | None = None
    zero: tuple[int, ...] | None = None
    below: tuple[int, ...] | None = None

    @property
    def agree(self) -> bool:
        return not self.aspect


def compare(left: Observed, right: Observed, dtype: str) -> Comparison:
    """Compare two sides within the tolerance of `dtype`. NaN equals NaN in the same place, and nothing else.

    A leg agrees with a OneSided reference when each element lies between the two derivatives, and with a Directional
    one when its inner products agree. Raises CompareError for a dtype without a tolerance.
    """
    if isinstance(left, Array) and isinstance(right, OneSided):
        right = _nearest(left, right)
    if isinstance(left, Array) and isinstance(right, Directional):
        if left.values.shape != right.directions[0].shape:
            return Comparison("shape")
        left, right = _inner_products(left, right), Array(np.array(right.derivatives), dtype)
    if isinstance(left, Array) and isinstance(right, Array):
        return _compare_arrays(left.values, right.values, dtype)
    same = type(left) is type(right) and left == right
    return Comparison("" if same else "kind")


def _compare_arrays(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any], dtype: str) -> Comparison:
    if dtype not in TOLERANCES:
        raise CompareError(f"There is no tolerance for {dtype}. Add a row to TOLERANCES in compare/judge.py.")
    if left.shape != right.shape:
        return Comparison("shape")
    tolerance = TOLERANCES[dtype]
    if left.size == 0:
        return Comparison(error=0.0, limit=tolerance.atol)
    return _compare_within(left, right, tolerance) if tolerance.rtol else _compare_exactly(left, right)


def _compare_exactly(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> Comparison:
    """Integers and booleans. Python's integers are exact beyond 2**53, and their differences do not wrap."""
    a, b = left.astype(object), right.astype(object)
    beyond = np.asarray(a != b, dtype=bool)
    error = np.asarray(abs(a - b), dtype=np.float64)
    return Comparison("value" if beyond.any() else "", _first(beyond[..., np.newaxis]), float(error.max()), 0.0)


def _compare_within(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any], tolerance: Tolerance) -> Comparison:
    """Numbers that are rounded: first where they are not finite, then how far they are from each other."""
    widest = complex if np.iscomplexobj(left) or np.iscomplexobj(right) else np.float64
    a, b = _parts(left.astype(widest)), _parts(right.astype(widest))
    finite = np.isfinite(a) & np.isfinite(b)
    strange = ~finite & ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if strange.any():
        return Comparison("pattern", _first(strange))
    a, b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    scale = np.maximum(np.abs(a), np.abs(b)).max(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        error = np.abs(a - b)
    limit = tolerance.atol + tolerance.rtol * scale
    beyond = error > limit
    worst = _first(error / limit if beyond.any() else error)
    largest = float(error.max())
    spacing = np.ldexp(1.0, np.frexp(np.maximum(scale, tolerance.atol))[1] - tolerance.digits)
    ulps = np.where(scale > tolerance.atol, error / spacing, 0.0)
    zero = (a == 0.0) & (b == 0.0) & (np.signbit(a) != np.signbit(b))
    below = (scale <= tolerance.atol) & (error > tolerance.rtol * scale)
    return Comparison(
        "value" if beyond.any() else "",
        worst,
        largest if np.isfinite(largest) else None,
        float(limit[(*worst, 0)]),
        int(np.rint(ulps.max())) if np.isfinite(largest) else None,
        _first(zero) if zero.any() else None,
        _first(below) if below.any() else None,
    )


def _parts(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The one part of each real number, or the two parts of each complex one, along one more axis at the end."""
    return np.stack([array.real, array.imag], axis=-1) if np.iscomplexobj(array) else array[..., np.newaxis]


def _whole(parts: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The inverse of `_parts`."""
    return np.ascontiguousarray(parts).view(complex)[..., 0] if parts.shape[-1] == 2 else parts[..., 0]


def _first(scores: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """The position of the element with the largest score among its parts."""
    scores = scores.max(axis=-1)
    return tuple(int(position) for position in np.unravel_index(np.argmax(scores), scores.shape))


def _nearest(leg: Array, reference: OneSided) -> Array:
    """The point of the interval nearest to the leg. A side that is NaN, outside the domain, does not count."""
    left, right = _parts(reference.left), _parts(reference.right)
    low, high = np.fmin(left, right), np.fmax(left, right)
    if leg.values.shape != reference.left.shape:
        return Array(_whole(low), leg.dtype)
    values = _parts(leg.values.astype(reference.left.dtype))
    return Array(_whole(np.where(np.isnan(values), low, np.clip(values, low, high))), leg.dtype)


def _inner_products(leg: Array, reference: Directional) -> Array:
    values = _parts(leg.values.astype(reference.directions[0].dtype))
    with np.errstate(all="ignore"):
        products = [np.sum(_parts(direction) * values) for direction in reference.directions]
    return Array(np.array(products), leg.dtype)


# ---- telling what differs ----

Sides = dict[str, Any]
"""What each side shows, by name: `torch`, `jax`, and where they take part `reference`, `the program`, `the case`."""


def to_json_value(seen: Any) -> Value:
    """What a leg saw or a case declares, as a run stores it: arrays are nested lists, NaN and infinities words.

    An element at a kink of the reference is a word too: `"between -1.0 and 1.0"`, the left derivative first.
    """
    value: Value
    match seen:
        case Array():
            value = to_json_value(seen.values.tolist())
        case OneSided():
            value = to_json_value(np.frompyfunc(_interval, 2, 1)(seen.left, seen.right))
        case Raised():
            value = Raise(raises=seen.type, message=seen.message)
        case Surrogate():
            value = "surrogate"
        case Directional():
            value = f"{len(seen.derivatives)} directional derivatives"
        case np.ndarray():
            value = to_json_value(seen.tolist())
        case list() | tuple():
            plain = all(type(item) is float for item in seen) and all(map(math.isfinite, seen))
            value = list(seen) if plain else [to_json_value(item) for item in seen]
        case _:
            value = as_number(seen)
    return value


def _interval(left: complex, right: complex) -> complex | str:
    smooth = left == right or (np.isnan(left) and np.isnan(right))
    return left if smooth else f"between {as_number(left)} and {as_number(right)}"


def _account(sides: Mapping[str, Any], dtype: str, comparison: Comparison) -> str:
    """One sentence: which sides agree and on what, which differ, by how much, and how much was allowed."""
    groups: list[list[str]] = []
    for name, side in sides.items():
        for group in groups:
            # Lying inside an interval is not agreeing on a number.
            if not isinstance(side, OneSided) and compare(sides[group[0]], side, dtype).agree:
                group.append(name)
                break
        else:
            groups.append([name])
    told = []
    for *others, last in groups:
        verb = "declares" if last == "the case" else "allows" if isinstance(sides[last], OneSided) else "has"
        names = f"{', '.join(others)} and {last} agree on" if others else f"{last} {verb}"
        told.append(f"{names} {_shown(sides[[*others, last][0]], comparison)}")
    if comparison.error is not None and comparison.limit is not None:
        told.append(f"largest error {comparison.error:.2g}, allowed error {comparison.limit:.2g}")
    where = f"at {list(comparison.index)}: " if comparison.index else ""
    return f"{where}{'; '.join(told)}"


def _shown(side: Any, comparison: Comparison) -> str:
    """One side's shape, its element at the index, or the whole of it when that is short."""
    value = to_json_value(side)
    shape = np.shape(value) if isinstance(value, list) else ()
    if comparison.aspect == "shape" and isinstance(side, Array | OneSided):
        return f"shape {list(shape)}"
    if comparison.index and len(shape) == len(comparison.index):
        for position in comparison.index:
            value = value[position] if isinstance(value, list) and position < len(value) else value
    return f"an array of shape {list(shape)}" if isinstance(value, list) and len(str(value)) > 80 else str(value)


# ---- a case ----


def judge_case(
    program: Program, torch: LegRun, jax: LegRun, reference: LegRun | None, concepts: Mapping[str, str]
) -> tuple[Observation, ...]:
    """Judge every read and every attempted statement of a program, in program order.

    `max_abs_error`, `max_ulp` and `limit` belong to the pair of legs, among torch, jax and reference, that differ most.
    One ulp is that of the tensor's dtype at the larger of the two numbers. All three are None where nothing can be
    subtracted, and `max_ulp` for integers.

    Args: concepts: by observation name, the concept of the note on it; used where the case declares none.
    Returns: one observation per Read and Attempt; after each, one more where a leg gave a warning that is not declared.
    Raises: CompareError: when a dtype has no tolerance, or a declared array is ragged.
    """
    legs = {"torch": torch, "jax": jax} | ({} if reference is None else {"reference": reference})
    judged: list[Observation] = []
    raised: set[str] = set()
    names = set()
    unraised: str | None = None
    for _, statement, handles, _ in program.steps():
        if isinstance(statement, Warned):
            judged.append(_judge_warned(statement, torch))
            torch = legs["torch"] = _without_warning(torch, statement.warning)
        if not isinstance(statement, Read | Attempt):
            continue
        name, warning = statement.name, None
        names.add(name)
        sides = {leg: run.observed[name] for leg, run in legs.items() if name in run.observed}
        if isinstance(statement, Attempt):
            raised |= {leg for leg, side in sides.items() if isinstance(side, Raised)}
            if unraised is None and statement.torch is not None and not isinstance(sides.get("torch"), Raised):
                unraised = name
            judged.append(_judge_attempt(program, statement, legs, sides))
        else:
            warning = statement.expected.warning if statement.expected is not None else None
            handle = handles[statement.handle]
            seen = _judge_read(program, statement, handle, legs, sides, raised, concepts.get(name))
            judged.append(seen if unraised is None else _after_unraised(seen, unraised))
        judged.extend(undeclared_warnings(name, {"torch": warning}, legs))
    for name in dict.fromkeys([*torch.warnings, *jax.warnings]):
        if name not in names:
            judged.extend(undeclared_warnings(name, {}, legs))
    return tuple(judged)


def outcome(observations: Iterable[Observation], failures: Iterable[Failure | None]) -> Outcome:
    """The outcome of a case, from its observations and the failures of its legs.

    A divergence that the case does not declare is a mismatch. Two verdicts leave `match` as it is: a tape read without
    an analogue, and the width of integers, which is a setting of the whole run and not of a case.
    """
    observations = tuple(observations)
    verdicts = {one.verdict for one in observations}
    if "error" in verdicts or any(failure is not None for failure in failures):
        return "error"
    if any(one.departs for one in observations):
        return "mismatch"
    return "diverges-as-documented" if any(one.diverges for one in observations) else "match"


@dataclass(frozen=True)
class _Finding:
    """A verdict in the making. `undecided`: the legs differ, and nothing says which of them is right."""

    verdict: Verdict
    detail: str = ""
    worst: Comparison = Comparison()
    concept: str | None = None
    undecided: bool = False


def _observation(
    name: str, kind: Kind, sides: Mapping[str, Any], finding: _Finding, expected: Value | Declared = None, line: int = 0
) -> Observation:
    torch, jax, reference = (to_json_value(sides.get(leg)) for leg in ("torch", "jax", "reference"))
    worst = finding.worst
    concept = finding.concept
    if concept is None and isinstance(sides.get("reference"), Surrogate):
        concept = "surrogate-gradient"
    return Observation(
        name, kind, torch, jax, reference, expected, worst.error, worst.ulp, finding.verdict, concept,
        worst.limit, finding.detail, line,
    )  # fmt: skip


def _after_unraised(found: Observation, unraised: str) -> Observation:
    """Only torch ran the statement that was declared to raise: a difference after it accuses no leg."""
    if found.verdict in ("match", "no-analogue", "error") or found.concept == INTEGER_WIDTH:
        return found
    told = f"after '{unraised}', which was declared to raise and did not"
    return msgspec.structs.replace(found, verdict="mismatch", detail="; ".join(filter(None, [told, found.detail])))


def _stopped(program: Program, legs: Mapping[str, LegRun], needed: Iterable[str], name: str) -> str:
    """Which needed leg failed before it saw `name`, at which statement, and with what; empty when none did."""
    for leg in needed:
        if leg in legs and (failure := legs[leg].failure) is not None and name not in legs[leg].observed:
            where = ""
            if failure.statement is not None:
                statement = program.statements[failure.statement]
                where = f" at statement {failure.statement} ({statement.__struct_config__.tag}, line {statement.line})"
            return f"the {leg} leg stopped{where} with {failure.type}: {failure.message}"
    return ""


def _judge_warned(declared: Warned, torch: LegRun) -> Observation:
    """JAX has no such warning; PyTorch has to give it."""
    text = next((text for text in torch.warnings.get("", ()) if declared.warning in text), None)
    if text is None:
        finding = _Finding("mismatch", f"torch does not give the warning that the case declares: '{declared.warning}'")
    else:
        finding = _Finding("no-analogue")
    finding = replace(finding, concept=declared.concept)
    return _observation(declared.name, "tape", {"torch": text}, finding, declared.warning, declared.line)


def _without_warning(run: LegRun, fragment: str) -> LegRun:
    """The same run without the first warning that has this in it: it has been judged."""
    said = list(run.warnings.get("", ()))
    told = next((text for text in said if fragment in text), None)
    if told is not None:
        said.remove(told)
    return replace(run, warnings={**run.warnings, "": said})


def undeclared_warnings(
    name: str, declared: Mapping[str, str | None], legs: Mapping[str, LegRun], line: int = 0
) -> list[Observation]:
    """At most one observation, of kind `error`: a warning is what a framework says, not what a tensor holds.

    Args: declared: by leg, a fragment of the warning that the case declares.
    """
    texts = {leg: list(legs[leg].warnings.get(name, ())) for leg in ("torch", "jax")}
    for leg, fragment in declared.items():
        texts[leg] = [text for text in texts[leg] if fragment is None or fragment not in text]
    told = [f"{leg} warns '{text}'" for leg, said in texts.items() for text in said]
    if not told:
        return []
    finding = _Finding("mismatch", f"{'; '.join(told)}; the case declares no such warning")
    sides = {leg: said for leg, said in texts.items() if said}
    return [_observation(f"warning at {name}" if name else "warning", "error", sides, finding, line=line)]


# ---- an attempted statement ----


def _judge_attempt(program: Program, attempt: Attempt, legs: Mapping[str, LegRun], sides: Sides) -> Observation:
    """`match` when both frameworks refuse as declared, `raises-differ` when only one does and the case says so."""
    wrong = []
    for leg, fragment in (("torch", attempt.torch), ("jax", attempt.jax)):
        seen = sides.get(leg)
        text = f"'{seen.type}: {seen.message}'" if isinstance(seen, Raised) else "nothing"
        if isinstance(seen, Raised) != (fragment is not None) or (fragment or "") not in text:
            declares = "no error" if fragment is None else f"'{fragment}'"
            wrong.append(f"{leg} raises {text}; the case declares {declares}")
    verdict: Verdict = "match" if attempt.torch is not None and attempt.jax is not None else "raises-differ"
    if stopped := _stopped(program, legs, ("torch", "jax"), attempt.name):
        finding = _Finding("error", stopped)
    else:
        finding = _Finding("mismatch" if wrong else verdict, "; ".join(wrong))
    finding = replace(finding, concept=attempt.concept)
    return _observation(attempt.name, "error", sides, finding, Declared(attempt.torch, attempt.jax), attempt.line)


# ---- a read ----


def _judge_read(
    program: Program, read: Read, handle: Handle, legs: Mapping[str, LegRun], sides: Sides, raised: set[str],
    noted: str | None,
) -> Observation:  # fmt: skip
    kind, expected = _kind(read, legs, sides), read.expected
    stopped = _stopped(program, legs, ("torch",) if kind == "tape" else ("torch", "jax", "reference"), read.name)
    missing = [leg for leg in (("torch", "jax") if kind == "value" else ("torch",)) if leg not in sides]
    if stopped:
        finding = _Finding("error", stopped)
    elif missing:
        finding = _Finding("mismatch", f"{' and '.join(missing)} saw nothing at this read")
    else:
        if kind == "tape":
            finding = _judge_tape(read, handle.dtype, sides, raised)
        else:
            finding = _judge_value(program, read, handle, legs, sides, raised)
        finding = _check_warning(
            read, legs["torch"], _check_declared(read, kind, _precision(handle.dtype, legs, read), sides, finding)
        )
    declared: Value | Declared = None if expected is None else to_json_value(expected.torch)
    concept = finding.concept or noted
    if expected is not None and expected.concept is not None:
        declared, concept = Declared(to_json_value(expected.torch), to_json_value(expected.jax)), expected.concept
    return _observation(read.name, kind, sides, replace(finding, concept=concept), declared, read.line)


def _kind(read: Read, legs: Mapping[str, LegRun], sides: Sides) -> Kind:
    """A `.grad` read is a gradient where JAX has a slot for it, or should have one: where PyTorch has a number."""
    if read.what in ("value", "dtype"):
        return "value"
    slot = "jax" in sides or sides.get("torch") is not None or legs["jax"].failure is not None
    return "gradient" if read.what == "grad" and slot else "tape"


def _judge_tape(read: Read, dtype: str, sides: Sides, raised: set[str]) -> _Finding:
    """JAX has nothing to look at; the reference may have a model of the fact."""
    known = {name: side for name, side in sides.items() if name != "jax" and not isinstance(side, Surrogate)}
    # After a refused backward the reference may have the gradient that PyTorch never computed.
    comparable = "reference" in known and not (read.what == "grad" and "torch" in raised)
    if not comparable or compare(known["torch"], known["reference"], dtype).agree:
        return _Finding("no-analogue")
    why = "the gradient is missing" if read.what == "grad" else "the reference's model of the tape is wrong"
    return _Finding("mismatch", f"{_account(known, dtype, Comparison('kind'))}; {why}")


def _reference_notes(legs: Mapping[str, LegRun], read: Read) -> list[str]:
    """What the reference says of a read: why it is withdrawn, or what happened to a number on the way."""
    return legs["reference"].warnings.get(read.name, []) if "reference" in legs else []


def _precision(dtype: str, legs: Mapping[str, LegRun], read: Read) -> str:
    """The dtype that a read is held to: the tensor's own, or a narrower one that its numbers went through."""
    through_float32 = THROUGH_FLOAT32 in _reference_notes(legs, read)
    return {"float64": "float32", "complex128": "complex64"}.get(dtype, dtype) if through_float32 else dtype


def _judge_value(
    program: Program, read: Read, handle: Handle, legs: Mapping[str, LegRun], sides: Sides, raised: set[str]
) -> _Finding:
    """The legs against each other, against the program's shape and dtype, and against the reference."""
    torch, jax, dtype = sides["torch"], sides.get("jax"), _precision(handle.dtype, legs, read)
    known = {"torch": torch, "jax": jax, "reference": sides.get("reference")}
    if "reference" not in sides or isinstance(sides["reference"], Surrogate):
        del known["reference"]
    legs_agree = compare(torch, jax, dtype)
    if (torch is None) != (jax is None):
        blank = "torch" if torch is None else "jax"
        declared = read.expected is not None and read.expected.concept is not None
        verdict: Verdict = "raises-differ" if blank in raised else "no-analogue" if declared else "mismatch"
        return _Finding(verdict, _account(known, dtype, legs_agree), undecided=True)
    narrow = program.dtype == "float32" and (_dtype(torch), _dtype(jax)) == ("int64", "int32")
    if fault := _form_fault(torch, jax, handle, narrow):
        return _Finding("mismatch", fault, legs_agree, undecided=read.what == "dtype")
    if narrow and read.what == "dtype":
        return _Finding("convention", concept=INTEGER_WIDTH)
    finding = _judge_numbers(known, sides.get("reference"), dtype, legs_agree, _reference_notes(legs, read))
    if finding.verdict != "match":
        return finding
    return (
        replace(finding, verdict="convention", concept=INTEGER_WIDTH) if narrow else _told(finding, known, legs_agree)
    )


def _judge_numbers(known: Sides, reference: Any, dtype: str, legs_agree: Comparison, said: Sequence[str]) -> _Finding:
    """The legs against each other, and against the reference where it is known.

    reference: what it shows, or why it shows nothing. said: what it says beside that.
    """
    notes = "".join(f"; {note}" for note in said)
    if "reference" in known:
        finding = _with_reference(known, dtype, legs_agree)
        if finding.verdict not in WRONG:
            return finding
        if UP_TO_A_SIGN in said:
            return _up_to_a_sign({"torch": known["torch"], "jax": known["jax"]}, dtype, legs_agree)
        return replace(finding, detail=finding.detail + notes)
    if legs_agree.agree:
        return _Finding("match", "", legs_agree)
    why = f": {reference.reason}" if isinstance(reference, Surrogate) else notes.replace("; ", ": ", 1)
    told = f"{_account(known, dtype, legs_agree)}; no reference says which is right{why}"
    return _Finding("mismatch", told, legs_agree, undecided=True)


def _told(finding: _Finding, known: Sides, legs_agree: Comparison) -> _Finding:
    """A match, with the differences that do not decide."""
    details = [finding.detail]
    if legs_agree.zero is not None:
        details.append(f"{_both(known, legs_agree.zero)}; the two zeros are equal")
    if legs_agree.below is not None:
        details.append(f"{_both(known, legs_agree.below)}; below the absolute tolerance, not judged")
    return replace(finding, detail="; ".join(filter(None, details)))


def _both(known: Sides, index: tuple[int, ...]) -> str:
    """What both legs have at an index."""
    where = f"at {list(index)}: " if index else ""
    return where + "; ".join(f"{leg} has {known[leg].values[index]}" for leg in ("torch", "jax"))


def _with_reference(known: Sides, dtype: str, legs_agree: Comparison) -> _Finding:
    torch, jax, reference = known["torch"], known["jax"], known["reference"]
    torch_agrees, jax_agrees = compare(torch, reference, dtype), compare(jax, reference, dtype)
    worst = max((legs_agree, torch_agrees, jax_agrees), key=lambda one: (not one.agree, one.error or 0.0))
    if torch_agrees.agree and jax_agrees.agree:
        if legs_agree.agree:
            return _Finding("match", "", worst)
        if isinstance(reference, OneSided):
            return _Finding("convention", _account(known, dtype, legs_agree), worst)
        told = _account({"torch": torch, "jax": jax}, dtype, legs_agree)
        if isinstance(reference, Directional):  # inner products do not bound the error of one element
            return _Finding("mismatch", f"{told}; along the reference's directions both agree", worst, undecided=True)
        worst = max((torch_agrees, jax_agrees), key=lambda one: one.error or 0.0)
        return _Finding("match", f"{told}; each alone is near enough to the reference", worst)
    wrong = jax_agrees if torch_agrees.agree else torch_agrees
    verdict: Verdict = "jax-wrong" if torch_agrees.agree else "torch-wrong" if jax_agrees.agree else "both-wrong"
    if isinstance(reference, Directional) and wrong.index:  # the index counts directions
        products = {leg: _inner_products(known[leg], reference) for leg in ("torch", "jax")}
        told = _account({**products, "reference": Array(np.array(reference.derivatives), dtype)}, dtype, wrong)
        return _Finding(verdict, f"inner products, {told}", worst)
    return _Finding(verdict, _account(known, dtype, wrong), worst)


def _up_to_a_sign(legs: Sides, dtype: str, legs_agree: Comparison) -> _Finding:
    """Where the reference took a choice of its own: it says of no leg that it is wrong."""
    if legs_agree.agree:
        return _Finding("match", UP_TO_A_SIGN, legs_agree)
    return _Finding("mismatch", f"{_account(legs, dtype, legs_agree)}; {UP_TO_A_SIGN}", legs_agree, undecided=True)


def _dtype(side: Any) -> Any:
    """The dtype of an array, or the word that a dtype read gave."""
    return side.dtype if isinstance(side, Array) else side


def _form_fault(torch: Any, jax: Any, handle: Handle, narrow: bool) -> str:
    """Where a leg has another shape or dtype than the program says; empty when none has."""
    forms: list[dict[str, str]] = []
    if isinstance(torch, Array) and isinstance(jax, Array):
        shapes = {"torch": torch.values.shape, "jax": jax.values.shape, "the program": handle.shape}
        forms.append({name: f"shape {list(shape)}" for name, shape in shapes.items()})
    if torch is not None and not narrow:
        dtypes = {"torch": _dtype(torch), "jax": _dtype(jax), "the program": handle.dtype}
        forms.append({name: f"dtype {dtype}" for name, dtype in dtypes.items()})
    for form in forms:
        if len(set(form.values())) > 1:
            return _account(form, handle.dtype, Comparison("kind"))
    return ""


# ---- declarations ----


def in_form(declared: Any, seen: Any) -> Any:
    """A declared value in the form of what was seen; one number stands for every element of an array."""
    if not isinstance(seen, Array) or declared is None:
        return declared
    if isinstance(declared, str) and not is_number_word(declared):
        return declared
    values = declared_numbers(declared)
    one_for_all = values.shape == () and seen.values.size
    return Array(np.broadcast_to(values, seen.values.shape) if one_for_all else values, seen.dtype)


def declared_numbers(declared: Any) -> np.ndarray[Any, Any]:
    """Declared numbers as an array of Python's numbers, or of complex128. Raises ProgramError when they are ragged."""
    shape = nested_shape(declared)
    numbers = np.asarray(np.frompyfunc(from_number, 1, 1)(np.array(declared, dtype=object)), dtype=object)
    complex_ones = any(isinstance(number, complex) for number in numbers.flat)
    return (numbers.astype(complex) if complex_ones else numbers).reshape(shape)


def _check_declared(read: Read, kind: Kind, dtype: str, sides: Sides, finding: _Finding) -> _Finding:
    """Hold a read against its declaration, in both directions. A declaration that does not hold is a mismatch."""
    expected = read.expected
    if expected is None or (finding.verdict == "mismatch" and not finding.undecided):
        return finding
    seen = {"torch": sides["torch"], "jax": sides.get("jax")}
    if expected.concept is None and (kind == "tape" or finding.concept == INTEGER_WIDTH):
        del seen["jax"]
    model = next((side for side in sides.values() if isinstance(side, Array)), None)
    declared = {
        leg: in_form(getattr(expected, leg), side if isinstance(side, Array) else model) for leg, side in seen.items()
    }
    compared = {leg: compare(side, declared[leg], dtype) for leg, side in seen.items()}
    wrong = {leg: comparison for leg, comparison in compared.items() if not comparison.agree}
    if expected.concept is None:
        if not wrong and (finding.verdict in ("match", "no-analogue") or finding.concept == INTEGER_WIDTH):
            return finding
        told = finding.detail
        if wrong:
            known = {leg: side for leg, side in {**seen, **sides}.items() if not isinstance(side, Surrogate)}
            told = _account({**known, "the case": declared["torch"]}, dtype, next(iter(wrong.values())))
        return replace(finding, verdict="mismatch", detail=told)
    if finding.verdict == "match":
        both = _shown(seen["torch"], Comparison())
        told = f"declared to diverge ({expected.concept}), but both give {both}"
        return replace(finding, verdict="mismatch", detail=told)
    if wrong:
        told = "; ".join(_account({leg: seen[leg], "the case": declared[leg]}, dtype, wrong[leg]) for leg in wrong)
        return replace(finding, verdict="mismatch", detail=told)
    # Documented, and no third opinion speaks against it.
    return replace(finding, verdict="convention") if finding.verdict == "mismatch" else finding


def _check_warning(read: Read, torch: LegRun, finding: _Finding) -> _Finding:
    """A declared warning must have come."""
    fragment = read.expected.warning if read.expected is not None else None
    if fragment is None or any(fragment in text for text in torch.warnings.get(read.name, ())):
        return finding
    told = f"torch does not give the warning that the case declares: '{fragment}'"
    return replace(finding, verdict="mismatch", detail="; ".join(filter(None, [finding.detail, told])))
