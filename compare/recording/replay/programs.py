"""The program of a run, and the program that differentiates it as a function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.errors import ProgramError, RecordingRefusedError
from compare.program import Program
from compare.recording.events import RanBackward, Recording, Seen
from compare.recording.replay.contents import exchanged_memory, reshaped_in_place
from compare.recording.replay.places import GivenNames
from compare.recording.replay.player import Player
from compare.recording.replay.unknown import refuse_unknown_calls
from compare.results import Specialised
from compare.tape import Site, Tape, recorded_at

__all__ = ["Replayed", "replay", "replay_as_function"]

NOWHERE = Site(0, None, "")
"""Where no line of the code does what is done."""


@dataclass
class Replayed:
    """The program of a run, and what to hold it against.

    final: by observation name, the tensor of the run that has to show the same number when the program has ended.
    """

    program: Program
    specialised: list[Specialised]
    final: dict[str, Any]


def replay(recording: Recording, *, id: str, title: str, as_pytorch: bool = False) -> Replayed:
    """Record a run on a tape. Raises RecordingRefusedError.

    Args: as_pytorch: where a function is a row and a composite, too, take the composite: it has PyTorch's own slope
        at a kink.
    """
    refuse_unknown_calls(recording.events)
    tape = Tape(dtype=recording.dtype, as_pytorch=as_pytorch)
    player = Player(
        tape,
        GivenNames.of(recording),
        as_pytorch=as_pytorch,
        moving=exchanged_memory(recording.events),
        reshaped=reshaped_in_place(recording.events),
    )
    player.play(recording.events)
    player.unseen.refuse()
    player.modes.close_all()
    with recorded_at(NOWHERE):
        named = (one for one in player.aliases.updated() if player.naming.is_named(one))
        player.readings.end((one for one in named if one.tensor.is_leaf), _seen(recording, recording.results))
    program = _program(tape, id, title)
    player.notes.chosen(program)
    return Replayed(program, player.notes.by_line(), player.readings.final)


def replay_as_function(
    recording: Recording, arguments: Sequence[Any], *, id: str, title: str
) -> tuple[Program, list[int]]:
    """A program whose one backward is that of the run's results with respect to the tensors among its arguments.

    Returns: the program, and for each of its leaves, in order, the place of the argument that it is.

    What else the run reads, parameters included, is a constant. Raises RecordingRefusedError where the run computes
    gradients of its own or asks for some, or where its results do not depend on the arguments.
    """
    if any(isinstance(one, RanBackward) for one in recording.events):
        raise RecordingRefusedError(
            "The function computes gradients itself, so that it is no plain function of its arguments. Return the "
            "loss, and differentiate that."
        )
    refuse_unknown_calls(recording.events)
    places = _places(_seen(recording, arguments))
    tape = Tape(dtype=recording.dtype, as_pytorch=False)
    player = Player(
        tape,
        GivenNames(recording.by_seen(recording.names)),
        as_pytorch=False,
        reshaped=reshaped_in_place(recording.events),
        parameters=places.keys(),
    )
    player.play(recording.events)
    player.modes.close_all()
    roots = [player.tensors.find(one) for one in _seen(recording, recording.results)]
    known = [one for one in roots if one is not None and tape._facts.handle(one._name).requires_grad]
    if not known or len(known) < len(roots):
        raise RecordingRefusedError("A result of the function does not depend on a tensor among its arguments.")
    if player.readings.leaves.keys() - places.keys():
        raise RecordingRefusedError(
            "The function asks for gradients of tensors of its own, with requires_grad_ or retain_grad, so that it is "
            "no plain function of its arguments. Take these calls out."
        )
    with recorded_at(NOWHERE):
        ones = [tape.constant(np.ones(one.shape), dtype=one.dtype_name) if one.shape else None for one in known]
        tape.backward(known, ones)
        for leaf in player.readings.leaves.values():
            player.readings.observe(player.tensors.of(leaf), "grad")
    return _program(tape, id, title), [places[leaf] for leaf in player.readings.leaves]


def _seen(recording: Recording, tensors: Sequence[Any]) -> list[Seen | None]:
    """What is kept of tensors that were alive at the end; None for what the recording does not know."""
    return [recording.known.get(id(one)) for one in tensors]


def _places(tensors: Sequence[Seen | None]) -> dict[int, int]:
    """By id, the place of each."""
    return {id(seen): place for place, seen in enumerate(tensors)}


def _program(tape: Tape, id: str, title: str) -> Program:
    try:
        return tape.program(id, title)
    except ProgramError as error:
        raise RecordingRefusedError(str(error)) from error
