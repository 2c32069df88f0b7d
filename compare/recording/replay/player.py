"""Plays events on a tape, one by one: each goes to the part that knows its kind."""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Set

from compare.errors import CompareError, RecordingRefusedError
from compare.recording.events import (
    AskedTape,
    Called,
    Event,
    Filled,
    GradModeSet,
    Hooked,
    InferenceModeEntered,
    InferenceModeLeft,
    Looked,
    Met,
    RanBackward,
    Stepped,
    TookFunction,
    Unhooked,
    Updated,
)
from compare.recording.replay.aliasing import Aliases
from compare.recording.replay.computing import Computing
from compare.recording.replay.contents import is_nothing, without_out
from compare.recording.replay.custom_functions import CustomFunctions
from compare.recording.replay.gradients import Gradients
from compare.recording.replay.hooks import Hooks
from compare.recording.replay.modes import GradModes
from compare.recording.replay.notes import Notes
from compare.recording.replay.outside import Outside
from compare.recording.replay.places import GivenNames, Naming, Sites, where
from compare.recording.replay.readings import Readings
from compare.recording.replay.tensors import Tensors
from compare.recording.replay.unseen import Unseen
from compare.recording.replay.words import Words
from compare.recording.steps import calls_of
from compare.tape import Tape, recorded_at

__all__ = ["Player"]


class Player:
    """One replay: of a whole run, or of the body of a hook or a function.

    Args:
        given: names from outside of the program.
        as_pytorch: where a function is a row and a composite, too, take the composite.
        moving, reshaped: see `Tensors`. parameters: see `Outside`.
        outer: the replay that this one is inside of. unnamed: what to call results in a body, with a number.
    """

    def __init__(
        self,
        tape: Tape,
        given: GivenNames,
        *,
        as_pytorch: bool,
        moving: Set[int] = frozenset(),
        reshaped: Set[int] = frozenset(),
        parameters: Set[int] | None = None,
        outer: Player | None = None,
        unnamed: str = "",
    ) -> None:
        numbers = itertools.count(1)
        self.as_pytorch = as_pytorch
        self.sites: Sites = Sites() if outer is None else outer.sites
        self.notes: Notes = Notes(self.sites) if outer is None else outer.notes
        self.naming = Naming(tape, self.sites, given, (lambda: f"{unnamed}_{next(numbers)}") if unnamed else None)
        self.modes = GradModes(tape, self.sites)
        self.tensors = Tensors(tape, moving=moving, reshaped=reshaped)
        self.aliases = Aliases(self.tensors)
        self.readings = Readings(self.tensors)
        self.unseen = Unseen(self.tensors, self.aliases, self.readings)
        self.outside = Outside(
            self.tensors, self.aliases, self.readings, self.unseen, self.naming, self.notes, parameters=parameters
        )
        self.gradients = Gradients(self.tensors, self.readings, self.unseen, self.naming, self.notes)
        self.computing = Computing(self.tensors, self.aliases, self.notes, as_pytorch=as_pytorch)
        self.words = Words(self.tensors, self.aliases, self.readings, self.naming, self.computing, self.gradients)
        self.hooks = Hooks(self.tensors, self._inside)
        self.functions = CustomFunctions(self.tensors, self.modes, self.play, self._inside, as_pytorch=as_pytorch)

    def play(self, events: Sequence[Event]) -> None:
        """Do what the events say. Raises RecordingRefusedError, which names the place."""
        for event in events:
            try:
                with recorded_at(self.naming.site_of(event)):
                    self._take(event)
            except RecordingRefusedError:
                raise
            except CompareError as error:
                at = where(event.site)
                raise RecordingRefusedError(f"{at}: {error}" if at else str(error)) from error

    def _take(self, event: Event) -> None:
        match event:
            case Met():
                self.outside.meet(event)
            case Filled():
                self.outside.fill(event)
            case Called():
                self._call(event)
            case Updated():
                self.play(calls_of(event))
            case Stepped():
                self.notes.stepped(event)
            case GradModeSet():
                self.modes.switch(event)
            case InferenceModeEntered():
                self.modes.open("inference_mode", event.flag, event.site)
            case InferenceModeLeft():
                self.modes.close(event.site)
            case RanBackward():
                self.gradients.run(event)
            case Hooked():
                self.hooks.register(event)
            case Unhooked():
                self.hooks.remove(event)
            case TookFunction():
                self.functions.call(event)
            case Looked():
                self.unseen.looked(event)
                self.notes.looked(event)
            case AskedTape():
                self.readings.observe(self.tensors.of(event.tensor), event.what)

    def _call(self, event: Called) -> None:
        if not is_nothing(event) and not self.words.take(event):
            self.computing.compute(without_out(event))

    def _inside(self, tape: Tape, unnamed: str = "") -> Player:
        """A player into the body of a hook or a function."""
        return Player(
            tape,
            GivenNames(self.naming.given.tensors),
            as_pytorch=self.as_pytorch,
            reshaped=self.tensors.reshaped,
            outer=self,
            unnamed=unnamed,
        )
