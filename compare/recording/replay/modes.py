"""Grad modes: blocks of the program, from the switches of the run."""

from __future__ import annotations

from typing import Any

from compare.recording.events import GradModeSet
from compare.recording.events import Site as Place
from compare.recording.replay.places import Sites
from compare.statements import EnterGradMode, ExitGradMode
from compare.tape import Tape

__all__ = ["GradModes"]


class GradModes:
    """The blocks that are open, each with whether history was recorded before it."""

    def __init__(self, tape: Tape, sites: Sites) -> None:
        self.tape = tape
        self.sites = sites
        self._open: list[tuple[str, bool]] = []
        self._enabled = True

    def switch(self, event: GradModeSet) -> None:
        """Open a block, or close the innermost, where that puts back what was before it."""
        if event.enabled == self._enabled:
            return
        if self._open and self._open[-1] == ("grad", event.enabled):
            self.close(event.site)
        else:
            before = self._enabled
            self.open("enable_grad" if event.enabled else "no_grad", True, event.site)
            self._open[-1] = ("grad", before)
        self._enabled = event.enabled

    def open(self, mode: Any, flag: bool, place: Place) -> None:
        """Open a block of this mode."""
        self.tape._record(EnterGradMode(mode=mode, flag=flag, line=self.sites.line(place)))
        self._open.append((mode, self._enabled))
        if mode == "inference_mode":
            self._enabled = not flag

    def close(self, place: Place) -> None:
        """Close the innermost block. One in which nothing was done is taken back."""
        _, self._enabled = self._open.pop()
        if isinstance(self.tape._statements[-1], EnterGradMode):
            self.tape._statements.pop()
            self.tape._facts.modes.pop()
            return
        self.tape._record(ExitGradMode(line=self.sites.line(place)))

    def close_all(self) -> None:
        """Close what is open when the run has ended."""
        while self._open:
            self.close(())
