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
    found: list[tuple[Group, str]] = []
    repeated: set[str] = set()
    for run in _runs(steps):
        large = [group for group in _groups(run, steps, readers) if len(group) >= FEWEST_VALUES]
        texts = [_text(tuple(group.values())) for group in large]
        found += zip(large, texts, strict=True)
        repeated.update(text for text, count in Counter(texts).items() if count > 1)
    counts = Counter(text for _, text in found)
    forms: dict[str, UpdateForm] = defaultdict(UpdateForm)
    calls: dict[int, list[Step | Update]] = {}
    folded: set[int] = set()
    for group, text in found:
        if counts[text] < FEWEST_CALLS or text not in repeated:
            continue
        values, last = tuple(group.values()), max(group)
        inputs, numbers = _read_from_elsewhere(values)
        read = tuple(value for value in values if any(place not in group for place in readers[value]))
        call = Update(forms[text], values, inputs, numbers, read)
        call.form.add(call)
        moved = sorted(place for value in values for place in readers[value] if place < last and place not in group)
        calls[last] = [call, *(steps[place] for place in moved)]
        folded.update(group, moved)
    for form in forms.values():
        columns = list(zip(*(call.numbers for call in form.calls), strict=True))
        form.numbers = tuple(place for place, column in enumerate(columns) if len(set(map(repr, column))) > 1)
    return [one for place, step in enumerate(steps) for one in calls.get(place, [] if place in folded else [step])]


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


Group = dict[int, Applied]
"""Values by the places of their steps, in order."""


def _runs(steps: Sequence[Step]) -> Iterable[Group]:
    """The values without history that are computed between two backwards."""
    run: Group = {}
    for place, step in enumerate(steps):
        if isinstance(step, Differentiate):
            yield run
            run = {}
        elif isinstance(step, Bind) and isinstance(step.value, Applied) and not step.value.tracked:
            run[place] = step.value
    yield run


def _groups(run: Group, steps: Sequence[Step], readers: dict[Value, list[int]]) -> Iterable[Group]:
    """What hangs together in a run, where it can be computed at the place of its last value."""
    places = {value: place for place, value in run.items() if sum(one in run for one in readers[value]) <= MOST_READERS}
    joined = {place: place for place in run}

    def root(place: int) -> int:
        while joined[place] != place:
            joined[place] = place = joined[joined[place]]
        return place

    for place, value in run.items():
        for operand in map(same_number, value.operands):
            if isinstance(operand, Applied) and operand in places:
                joined[root(places[operand])] = root(place)
    groups: dict[int, Group] = defaultdict(dict)
    for place, value in run.items():
        groups[root(place)][place] = value
    for group in groups.values():
        last = max(group)
        others = (one for value in group.values() for one in readers[value] if one not in group)
        if all(one > last or isinstance(steps[one], Show) for one in others):
            yield group


def _read_from_elsewhere(values: Sequence[Applied]) -> tuple[tuple[Value, ...], tuple[Number, ...]]:
    """What values read that is none of them, each once, and the numbers among their arguments."""
    own = set(values)
    arguments = [argument for value in values for argument in value.arguments]
    read = [same_number(argument) for argument in arguments if isinstance(argument, Value)]
    inputs = dict.fromkeys(value for value in read if value not in own)
    return tuple(inputs), tuple(argument for argument in arguments if not isinstance(argument, Value))


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
