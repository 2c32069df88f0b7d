"""Where events happened, and what the code calls the tensors there."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import CodeType, SimpleNamespace
from typing import Any

import msgspec

from compare.errors import shown_path
from compare.recording.events import Called, Event, Met, Recording, Seen
from compare.recording.events import Site as Place
from compare.statements import Leaf, Member, RequiresGrad
from compare.tape import Site, Tape, assigned_name, assigned_names, usable_name

__all__ = ["GivenNames", "Naming", "Sites", "where"]


def _line_of(code: CodeType, instruction: int) -> int:
    positions = list(code.co_positions())
    return positions[instruction // 2][0] or code.co_firstlineno if instruction // 2 < len(positions) else 0


def _frames(place: Place) -> Any:
    """Frames as `executing` reads them; the innermost, with its callers behind it."""
    back = None
    for code, instruction in reversed(place):
        line = _line_of(code, instruction)
        back = SimpleNamespace(f_code=code, f_lasti=instruction, f_lineno=line, f_globals={}, f_back=back)
    return back


def where(place: Place) -> str:
    """`file.py:12`, or an empty text where nothing is known."""
    if not place:
        return ""
    code, instruction = place[0]
    return f"{shown_path(code.co_filename)}:{_line_of(code, instruction)}"


class Sites:
    """The lines and names of places, each looked up once."""

    def __init__(self) -> None:
        self._found: dict[Place, Site] = {}

    def of(self, place: Place) -> Site:
        """The line, its text, and the names that it assigns to."""
        if place not in self._found:
            self._found[place] = self._look_up(place)
        return self._found[place]

    def line(self, place: Place) -> int:
        """The line alone; 0 where nothing is known."""
        return self.of(place).line

    def _look_up(self, place: Place) -> Site:
        frame = _frames(place)
        if frame is None:
            return Site(0, None, "")
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        return Site(frame.f_lineno, assigned_name(frame), text, assigned_names(frame))


@dataclass(frozen=True)
class GivenNames:
    """What something outside of the program calls tensors of the run, by the id of what is kept of them.

    tensors: a module's parameter, a variable. state: what an optimizer keeps. members: the module of a parameter.
    """

    tensors: Mapping[int, str] = field(default_factory=dict)
    state: Mapping[int, str] = field(default_factory=dict)
    members: Mapping[int, Member] = field(default_factory=dict)

    @classmethod
    def of(cls, recording: Recording) -> GivenNames:
        """All that a recording knows."""
        return cls(
            recording.by_seen(recording.names),
            recording.by_seen(recording.state),
            recording.by_seen(recording.members),
        )


class Naming:
    """The names of the program: those that the code assigns to, and those that are given.

    unnamed: makes a name for each result that the code gives none, in the body of a function.
    """

    def __init__(self, tape: Tape, sites: Sites, given: GivenNames, unnamed: Callable[[], str] | None = None) -> None:
        self.tape = tape
        self.sites = sites
        self.given = given
        self.unnamed = unnamed

    def site(self, place: Place) -> Site:
        """The place in the code, with the name that its result has in the program."""
        found = self.sites.of(place)
        if self.unnamed is not None:
            hint = self.unnamed() if found.hint is None else found.hint
            return Site(found.line, self.unique(hint), found.text, ())
        return found

    def site_of(self, event: Event) -> Site:
        """Where an event happened. What an optimizer makes to keep has a name of its own."""
        site = self.site(event.site)
        own = self.given.state.get(id(event.result)) if isinstance(event, Called) else None
        return site if own is None or site.hint is not None else replace(site, hint=usable_name(own))

    def met(self, event: Met, *, otherwise: str) -> Site:
        """The place where a tensor was met, and its name."""
        seen, site = event.tensor, self.sites.of(event.site)
        given = self.given.tensors.get(id(seen)) or self.given.state.get(id(seen))
        name = event.hint or given or site.hint or event.variable
        return Site(site.line, (usable_name(name) if name else None) or otherwise, "")

    def unique(self, hint: str) -> str:
        """The name, with a number where the tape has it already."""
        taken = self.tape._hints
        return next(one for n in range(1, 10_000) if (one := hint if n == 1 else f"{hint}_{n}") not in taken)

    def is_named(self, seen: Seen) -> bool:
        """Whether something outside of the program names the tensor."""
        return id(seen) in self.given.tensors

    def join(self, seen: Seen) -> None:
        """Say in the statement that just made a leaf which group of parameters it belongs to."""
        member, statement = self.given.members.get(id(seen)), self.tape._statements[-1]
        if member is not None and isinstance(statement, Leaf | RequiresGrad):
            self.tape._statements[-1] = msgspec.structs.replace(statement, member=member)
