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
"""With fewer, lines are plainer than a function: `w = w - 0.1 * w_grad`."""
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
    """The same steps, with groups that compute the same in calls of one function, where that is worth it.

    What is shown of a group is shown behind its call.
    """
    readers = _readers(steps)
    groups: list[Group] = []
    texts: list[str] = []
    repeated: set[str] = set()
    for run in _runs(steps):
        own = list(_groups(run, steps, readers))
        said = [_text(_values(group)) for group in own]
        groups += own
        texts += said
        repeated.update(text for text, count in Counter(said).items() if count > 1)
    counts = Counter(texts)
    forms: dict[str, UpdateForm] = defaultdict(UpdateForm)
    calls: dict[int, list[Step | Update]] = {}
    folded: set[int] = set()
    for group, text in zip(groups, texts, strict=True):
        values = _values(group)
        if len(values) < FEWEST_VALUES or counts[text] < FEWEST_CALLS or text not in repeated:
            continue
        inputs, numbers = _read_from_elsewhere(values)
        read = tuple(value for value in values if any(place not in group for place in readers[value]))
        call = Update(forms[text], tuple(values), tuple(inputs), tuple(numbers), read)
        call.form.add(call)
        shown = [place for value in values for place in readers[value] if isinstance(steps[place], Show)]
        last = max(group)
        moved = sorted(place for place in shown if place < last)
        calls[last] = [call, *(steps[place] for place in moved)]
        folded.update(group, moved)
    for form in forms.values():
        columns = list(zip(*(call.numbers for call in form.calls), strict=True))
        form.numbers = tuple(place for place, column in enumerate(columns) if len(set(map(repr, column))) > 1)
    found: list[Step | Update] = []
    for place, step in enumerate(steps):
        found += calls.get(place, [] if place in folded else [step])
    return found


def _readers(steps: Sequence[Step]) -> dict[Value, list[int]]:
    """By value: the places of the steps that read its number."""
    found: dict[Value, list[int]] = defaultdict(list)
    names: dict[Value, str] = {}
    for place, step in enumerate(steps):
        read: Iterable[Value]
        match step:
            case Bind():
                number, hint = same_number(step.value), step.value.hint
                # What only gives a number its name, or none, reads nothing. A second name is a copy.
                if number is not step.value and not hint.startswith("_") and number.hint.startswith("_"):
                    names.setdefault(number, hint)
                own = names.get(number, number.hint)
                idle = number is not step.value and (hint.startswith("_") or hint == own)
                read = () if idle else step.value.operands
            case Differentiate():
                read = step.region.operands
            case Show():
                read = (step.shown.value,)
        for value in {same_number(one) for one in read}:
            found[value].append(place)
    return found


def _runs(steps: Sequence[Step]) -> Iterable[dict[int, Applied]]:
    """The values without history that are computed between two backwards, by place."""
    run: dict[int, Applied] = {}
    for place, step in enumerate(steps):
        if isinstance(step, Differentiate):
            yield run
            run = {}
        elif isinstance(step, Bind) and isinstance(step.value, Applied) and not step.value.tracked:
            run[place] = step.value
    yield run


Group = dict[int, Applied]
"""Values that hang together, by place."""


def _values(group: Group) -> list[Applied]:
    return list(group.values())


def _groups(run: Group, steps: Sequence[Step], readers: dict[Value, list[int]]) -> Iterable[Group]:
    """The groups of a run that can be computed where their last value is."""
    places = {value: place for place, value in run.items()}
    group_of: dict[int, Group] = {}
    for place, value in run.items():
        joined = {place: value}
        for operand in {same_number(one) for one in value.operands}:
            before = places.get(operand) if isinstance(operand, Applied) else None
            if before is not None and sum(one in run for one in readers[operand]) <= MOST_READERS:
                joined |= group_of[before]
        for one in joined:
            group_of[one] = joined
    for group in {id(one): one for one in group_of.values()}.values():
        own = dict(sorted(group.items()))
        last = max(own)
        others = (one for value in own.values() for one in readers[value] if one not in own)
        if all(one > last or isinstance(steps[one], Show) for one in others):
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


def _text(values: Sequence[Applied]) -> str:
    """What a group computes, whatever shapes and floats it has: where the texts are equal, so are the functions."""
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
