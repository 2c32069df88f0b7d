"""Functions with a backward rule of their own, from what their forward and their rule did in the run."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from compare.errors import ProgramError
from compare.recording.events import Called, Event, Met, RuleRun, Seen, TookFunction
from compare.recording.replay.contents import deeds_of, given_to, plain_values
from compare.recording.replay.modes import GradModes
from compare.recording.replay.tensors import Tensors
from compare.tape import Site, Tape, Tensor, recorded_at, usable_name
from compare.tape.functions import Function

if TYPE_CHECKING:
    from compare.recording.replay.player import Player

__all__ = ["CustomFunctions"]

Inside = Callable[[Tape, str], "Player"]
"""A player into the body of a function, and what it calls the results there that the code gives no name."""


class CustomFunctions:
    """The functions that are defined so far. Calls that do the same share a definition.

    play: plays events where the function is called. inside: a player into a body.
    """

    def __init__(
        self,
        tensors: Tensors,
        modes: GradModes,
        play: Callable[[Sequence[Event]], None],
        inside: Inside,
        *,
        as_pytorch: bool,
    ) -> None:
        self.tensors = tensors
        self.modes = modes
        self.play = play
        self.inside = inside
        self.as_pytorch = as_pytorch
        self._defined: dict[type, list[tuple[Any, Function]]] = {}

    def call(self, event: TookFunction) -> None:
        """Call the function. Raises ProgramError for one that is no function of its tensors."""
        results = event.result if isinstance(event.result, tuple) else (event.result,)
        name = event.kind.__name__
        if not all(isinstance(one, Seen) for one in results):
            raise ProgramError(f"{name}.forward returns something else than tensors, which is not modelled.")
        if not event.rules:
            # No backward ran the rule: what it would do is not known, and nothing asked for it.
            self.modes.open("no_grad", True, event.site)
            self.play(event.events)
            self.modes.close(event.site)
            return
        if len({deeds_of(run.events) for run in event.rules}) > 1:
            raise ProgramError(f"The backward rule of {name} did not do the same each time it ran.")
        tensors = [one for one in event.arguments if isinstance(one, Seen)]
        made = self._function_of(event, tensors, results)(*map(self.tensors.of, tensors))
        for one, tensor in zip(results, made if isinstance(made, tuple) else (made,), strict=True):
            self.tensors.bind(one, tensor)

    def _function_of(self, event: TookFunction, tensors: list[Seen], results: tuple[Seen, ...]) -> Function:
        """The tape's function for one call."""
        deeds = deeds_of(event.events, *plain_values(event.arguments))
        forward = _Forward(event, tensors, results, self.inside)
        saved = _saved(event.rules[0])
        # The names that the rule reads are those that the body of the function gives; a dry run tells them.
        forward(*self._like(tensors, forward.parameters))
        rule = _Rule(event, results, saved, [forward.name_of(one.tensor) for one in saved], self.inside)
        function: Function = self.tensors.tape.custom_function(
            forward,
            rule,
            non_differentiable=tuple(
                next(name for name, one in forward.names.items() if one is result)
                for result in event.non_differentiable
            ),
            once_differentiable=event.once_differentiable,
        )
        for known, defined in self._defined.get(event.kind, []):
            if known == deeds:
                defined._rule, defined._forward = function._rule, function._forward
                return defined
        self._defined.setdefault(event.kind, []).append((deeds, function))
        return function

    def _like(self, tensors: Sequence[Seen], names: Sequence[str]) -> list[Tensor]:
        """Tensors of the same shapes and dtypes, of a tape of their own."""
        tape = Tape(dtype=self.tensors.tape.dtype, as_pytorch=self.as_pytorch)
        made = []
        for name, one in zip(names, tensors, strict=True):
            known = self.tensors.facts(self.tensors.of(one))
            tape._facts.bind(name, tape._facts.fresh(known.shape, known.dtype, creator=name))
            tape._hints[name] = name
            made.append(Tensor(tape, name))
        return made


# ---- the two functions ----


def _name_of(kind: type) -> str:
    """`straight_through` for `StraightThrough`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def _signature(parameters: Sequence[str]) -> inspect.Signature:
    return inspect.Signature([inspect.Parameter(one, inspect.Parameter.POSITIONAL_OR_KEYWORD) for one in parameters])


class _Forward:
    """The forward of one call, as the tape calls it.

    names: by name, the tensors of its body, when it ran last.
    """

    def __init__(self, event: TookFunction, tensors: list[Seen], results: tuple[Seen, ...], inside: Inside) -> None:
        self.event = event
        self.tensors = tensors
        self.results = results
        self.inside = inside
        self.parameters = _parameters_of(event)
        self.names: dict[str, Seen] = {}
        self.__name__ = _name_of(event.kind)
        self.__signature__ = _signature(self.parameters)

    def __call__(self, *given: Tensor) -> Any:
        player = self.inside(given[0]._tape, "value")
        for one, tensor in zip(self.tensors, given, strict=True):
            player.tensors.replace(one, tensor)
        player.play(self.event.events)
        hints = player.tensors.tape._hints
        self.names = {hints[player.tensors.of(one)._name]: one for one in (*self.tensors, *player.tensors.kept)}
        made = tuple(_returned(player, one) for one in self.results)
        return made if len(made) > 1 else made[0]

    def name_of(self, wanted: Seen) -> str:
        """The name in the body of what the rule reads. Raises ProgramError where it has none."""
        found = next((name for name, one in self.names.items() if _same_memory(one, wanted)), None)
        if found is None:
            raise ProgramError(
                f"The backward rule of {self.event.kind.__name__} reads a tensor that its forward neither got nor "
                "made; hand it over as an argument."
            )
        return found


def _returned(player: Player, seen: Seen) -> Tensor:
    """What the body of a function returns. A view of an argument, `x.view_as(x)`, stands for a new tensor."""
    tensor = player.tensors.of(seen)
    views = player.tensors.facts(tensor).chain
    with recorded_at(Site(0, player.naming.unique("result"), "")):
        return tensor.clone() if views else tensor


def _parameters_of(event: TookFunction) -> list[str]:
    """Names for the tensors among the arguments: those of the parameters of the forward, where they can be used."""
    import torch

    signature = inspect.signature(event.kind.forward)
    names = [one.name for one in signature.parameters.values() if one.kind is not one.VAR_POSITIONAL]
    if event.kind.setup_context is torch.autograd.function._SingleLevelFunction.setup_context:
        names = names[1:]  # the context
    found = []
    for number, argument in enumerate(event.arguments):
        if isinstance(argument, Seen):
            name = usable_name(names[number]) if number < len(names) else None
            found.append(name or f"argument_{number + 1}")
    return found


class _Rule:
    """The backward rule, as the tape calls it: with the cotangents of the results, then with what is saved."""

    def __init__(
        self,
        event: TookFunction,
        results: tuple[Seen, ...],
        saved: list[_Saved],
        saved_names: list[str],
        inside: Inside,
    ) -> None:
        self.event = event
        self.saved = saved
        self.inside = inside
        self.cotangents = ["grad"] if len(results) == 1 else [f"grad_{n}" for n in range(1, len(results) + 1)]
        self.__name__ = f"{_name_of(event.kind)}_rule"
        self.__signature__ = _signature([*self.cotangents, *saved_names])

    def __call__(self, *given: Tensor) -> Any:
        run = self.event.rules[0]
        player = self.inside(given[0]._tape, "term")
        for one, tensor in zip(run.cotangents, given, strict=False):
            player.tensors.replace(one, tensor)
        for saved, tensor in zip(self.saved, given[len(self.cotangents) :], strict=True):
            for one in saved.seen_as:
                player.tensors.replace(one, tensor)
        player.play(
            [one for one in run.events if not (isinstance(one, Met) and player.tensors.find(one.tensor) is not None)]
        )
        returned = run.result if isinstance(run.result, tuple) else (run.result,)
        of_tensors = [
            one for one, argument in zip(returned, self.event.arguments, strict=False) if isinstance(argument, Seen)
        ]
        gradients = tuple(None if one is None else player.tensors.of(one) for one in of_tensors)
        return gradients if len(gradients) > 1 else gradients[0]


# ---- what the rule reads ----


@dataclass
class _Saved:
    """A tensor of the forward that the rule reads, and the objects that stand for it there."""

    tensor: Seen
    seen_as: list[Seen]


def _saved(run: RuleRun) -> list[_Saved]:
    """What a run of the rule reads, beside its cotangents and what it makes itself."""
    calls = [one for one in run.events if isinstance(one, Called)]
    own = {id(one) for one in run.cotangents} | {id(one.result) for one in calls}
    for one in calls:
        if isinstance(one.result, tuple | list):
            own |= {id(each) for each in one.result}
    found: list[_Saved] = []
    for call in calls:
        for read in given_to(call):
            if id(read) in own:
                continue
            known = next((one for one in found if _same_memory(one.tensor, read)), None)
            if known is None:
                found.append(_Saved(read, [read]))
            elif not any(one is read for one in known.seen_as):
                known.seen_as.append(read)
    return found


def _same_memory(one: Seen, other: Seen) -> bool:
    return one is other or (one.storage is not None and one.place == other.place)
