"""What a program computes for one parameter after another, as one function that is called for each.

The updates of an optimizer are the same few lines for every parameter and in every step. Between two backwards, the
values at top level fall into groups that read nothing of each other. Groups that compute the same, whatever the shapes
and the numbers are, become calls of one function: what a reader wants to see once, and JAX to compile once per shape.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from compare.pure import Applied, Value
from compare.regions import Bind, Differentiate, Show, Step, same_number
from compare.statements import Number

__all__ = ["Update", "UpdateForm", "with_updates"]

FEWEST_CALLS = 3
FEWEST_VALUES = 6
"""Below these, lines are plainer than a function: `w = w - 0.1 * w_grad`."""
MOST_READERS = 2
"""A value that more of the others read than these belongs to all of them: a norm that every gradient is clipped by."""


@dataclass(eq=False)
class UpdateForm:
    """The function: what is the same in all its calls, found from them.

    numbers: the places, among the numbers of a call, of those that are not the same in all calls: parameters.
    outputs: the places, among the values of a call, of those that any call is read for.
    """

    calls: list[Update] = field(default_factory=list)
    numbers: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()

    def add(self, call: Update) -> None:
        """One more call."""
        self.calls.append(call)
        self.outputs = tuple(sorted({*self.outputs, *(call.values.index(value) for value in call.read)}))

    def name_of(self, values: Sequence[Value], otherwise: str) -> str:
        """What the names of the same value in all calls end with: `exp_avg` of `hidden_weight_exp_avg`."""
        names = [re.sub(r"_[0-9]+\Z", "", value.hint.lstrip("_")).split("_") for value in values]
        shared = []
        for words in zip(*map(reversed, names), strict=False):
            if len(set(words)) > 1:
                break
            shared.append(words[0])
        found = "_".join(reversed(shared))
        return found if found.isidentifier() else otherwise


@dataclass(frozen=True, eq=False)
class Update:
    """Compute values in one call of a function.

    values: in order. inputs, numbers: what they read from elsewhere. read: those among them that others read.
    """

    form: UpdateForm
    values: tuple[Applied, ...]
    inputs: tuple[Value, ...]
    numbers: tuple[Number, ...]
    read: tuple[Applied, ...]


def with_updates(steps: Sequence[Step]) -> list[Step | Update]:
    """The same steps, with groups that compute the same in calls of one function, where that is worth it."""
    readers = _readers(steps)
    groups = [group for run in _runs(steps) for group in _groups(run, readers)]
    texts = [_text(group) for group in groups]
    counts = Counter(texts)
    forms: dict[str, UpdateForm] = defaultdict(UpdateForm)
    calls: dict[int, Update] = {}
    folded: set[int] = set()
    for group, text in zip(groups, texts, strict=True):
        if len(group) < FEWEST_VALUES or counts[text] < FEWEST_CALLS:
            continue
        members = [step.value for step in group.values()]
        inputs, numbers = _read_from_elsewhere(members)
        inside = set(group)
        read = tuple(value for value in members if any(place not in inside for place in readers[value]))
        call = Update(forms[text], tuple(members), tuple(inputs), tuple(numbers), read)
        call.form.add(call)
        calls[max(group)] = call
        folded |= inside
    for form in forms.values():
        columns = list(zip(*(call.numbers for call in form.calls), strict=True))
        form.numbers = tuple(place for place, column in enumerate(columns) if len(set(map(repr, column))) > 1)
    return [calls.get(place, step) for place, step in enumerate(steps) if place in calls or place not in folded]


def _readers(steps: Sequence[Step]) -> dict[Value, list[int]]:
    """By value: the places of the steps that read its number."""
    found: dict[Value, list[int]] = defaultdict(list)
    for place, step in enumerate(steps):
        read: Iterable[Value]
        match step:
            case Bind():
                # What only gives a number another name, or none, reads nothing.
                idle = same_number(step.value) is not step.value and step.value.hint.startswith("_")
                read = () if idle else step.value.operands
            case Differentiate():
                read = step.region.operands
            case Show():
                read = (step.shown.value,)
        for value in {same_number(one) for one in read}:
            found[value].append(place)
    return found


def _runs(steps: Sequence[Step]) -> Iterable[dict[int, Bind]]:
    """The values without history that are computed in a row, by place: between backwards, and what is shown."""
    run: dict[int, Bind] = {}
    for place, step in enumerate(steps):
        if not isinstance(step, Bind):
            yield run
            run = {}
        elif isinstance(step.value, Applied) and not step.value.tracked and step.value.dtype != "bool":
            run[place] = step
    yield run


def _groups(run: dict[int, Bind], readers: dict[Value, list[int]]) -> Iterable[dict[int, Any]]:
    """The values of a run that hang together, by place; without those that a step reads before all are computed."""
    places = {step.value: place for place, step in run.items()}
    group_of: dict[int, dict[int, Bind]] = {}
    for place, step in run.items():
        joined = {place: step}
        for operand in {same_number(one) for one in step.value.operands}:
            before = places.get(operand)
            if before is not None and sum(one in run for one in readers[operand]) <= MOST_READERS:
                joined |= group_of[before]
        for one in joined:
            group_of[one] = joined
    for group in {id(one): one for one in group_of.values()}.values():
        own = dict(sorted(group.items()))
        last = max(own)
        if not any(reader < last and reader not in own for step in own.values() for reader in readers[step.value]):
            yield own


def _read_from_elsewhere(values: Sequence[Applied]) -> tuple[list[Value], list[Number]]:
    """What values read that is none of them, each once, and the numbers among their arguments."""
    inputs: dict[Value, None] = {}
    numbers: list[Number] = []
    for value in values:
        for argument in value.arguments:
            if not isinstance(argument, Value):
                numbers.append(argument)
            elif same_number(argument) not in values:
                inputs.setdefault(same_number(argument))
    return list(inputs), numbers


def _text(group: dict[int, Any]) -> str:
    """What a group computes, whatever shapes and floats it has: where the texts are equal, so are the functions."""
    values = [step.value for step in group.values()]
    places: dict[Value, Any] = {}
    inputs, _ = _read_from_elsewhere(values)
    places.update({value: ("input", place, value.dtype) for place, value in enumerate(inputs)})
    said: list[Any] = []
    for place, value in enumerate(values):
        arguments: list[Any] = []
        for one in value.arguments:
            if isinstance(one, Value):
                arguments.append(places[same_number(one)])
            else:
                arguments.append("a float" if type(one) is float else (type(one).__name__, one))
        shapes = tuple(one.shape if isinstance(one, Value) else () for one in value.arguments)
        spelled = value.op.jax_names(shapes, value.attributes)
        said.append((value.op.name, value.attributes, spelled, arguments, value.dtype))
        places[value] = place
    return repr(said)
