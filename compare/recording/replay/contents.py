"""What is in events, read without a tape: the calls, the tensors, and whether two runs did the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from compare.recording.calls import bare_name
from compare.recording.events import Called, Event, Hooked, Seen, TookFunction, Updated
from compare.recording.replay.vocabulary import MAY_DO_NOTHING, SHAPES_IN_PLACE
from compare.recording.steps import calls_of

__all__ = [
    "calls_in",
    "deeds_of",
    "exchanged_memory",
    "given_to",
    "is_nothing",
    "plain_values",
    "reshaped_in_place",
    "tensors_in",
    "with_own_first",
    "without_out",
]


OWN_NAMES = ("input", "self", "data", "obj")
"""What PyTorch calls the tensor that a function is of."""


def with_own_first(event: Called) -> Called:
    """The same call with the tensor that it is of as its first argument: `torch.detach(input=x)`."""
    own = next((name for name in OWN_NAMES if name in event.keywords), None)
    if event.arguments or own is None:
        return event
    kept = {name: one for name, one in event.keywords.items() if name != own}
    return replace(event, arguments=(event.keywords[own],), keywords=kept)


def is_nothing(event: Called) -> bool:
    """A call that had nothing to do, and returned the very tensor it got: `x.to(x.dtype)`."""
    if bare_name(event.function) not in MAY_DO_NOTHING:
        return False
    given = with_own_first(event).arguments
    return bool(given) and event.result is given[0]


def calls_in(events: Sequence[Event]) -> Iterator[Called]:
    """Every call that did something, in optimizers, functions, rules and hooks, too."""
    for event in events:
        if isinstance(event, Called):
            if not is_nothing(event):
                yield event
        elif isinstance(event, Updated):
            yield from calls_in(calls_of(event))
        elif isinstance(event, TookFunction):
            yield from calls_in(event.events)
            for run in event.rules[:1]:
                yield from calls_in(run.events)
        elif isinstance(event, Hooked):
            for one in event.runs[:1]:
                yield from calls_in(one.events)


def without_out(event: Called) -> Called:
    """The same call without `out=`: its result is copied into that tensor."""
    if "out" not in event.keywords:
        return event
    kept = {name: one for name, one in event.keywords.items() if name != "out"}
    return replace(event, keywords=kept, written=event.keywords["out"] is not None)


def tensors_in(values: Iterable[Any]) -> Iterator[Seen]:
    """The tensors among values, and in the lists among them."""
    for one in values:
        if isinstance(one, Seen):
            yield one
        elif isinstance(one, list | tuple):
            yield from tensors_in(one)


def given_to(event: Called) -> Iterator[Seen]:
    """The tensors that a call got."""
    return tensors_in((event.arguments, tuple(event.keywords.values())))


def exchanged_memory(events: Sequence[Event]) -> frozenset[int]:
    """By id, the tensors that get other memory, `x.data = y`: where they are at the end is not where they were."""
    set_data = [one for one in events if isinstance(one, Called) and bare_name(one.function) == "data.__set__"]
    return frozenset(id(one.arguments[0]) for one in set_data)


def reshaped_in_place(events: Sequence[Event]) -> frozenset[int]:
    """By id, the tensors whose shape is changed in place: it is not yet what it is at the end."""
    return frozenset(id(one.arguments[0]) for one in calls_in(events) if bare_name(one.function) in SHAPES_IN_PLACE)


def plain_values(values: Sequence[Any]) -> tuple[str, ...]:
    """What is no tensor among arguments."""
    return tuple(repr(one) for one in values if not isinstance(one, Seen))


def deeds_of(events: Sequence[Event], *more: Any) -> tuple[Any, ...]:
    """What events do, beside the numbers in tensors: equal for two runs that did the same."""
    said: list[Any] = [*more]
    for event in events:
        if isinstance(event, Called):
            said.append((bare_name(event.function), plain_values(event.arguments), repr(sorted(event.keywords))))
        else:
            said.append(type(event).__name__)
    return tuple(said)
