"""The calls that no program can say, all of them at once, before anything is done to a tape."""

from __future__ import annotations

from collections.abc import Sequence

from compare.errors import RecordingRefusedError
from compare.recording.calls import bare_name, described, find_composite, is_known, recognise
from compare.recording.events import Called, Event
from compare.recording.replay.contents import calls_in, without_out
from compare.recording.replay.places import where
from compare.recording.replay.vocabulary import WORDS

__all__ = ["refuse_unknown_calls"]


def refuse_unknown_calls(events: Sequence[Event]) -> None:
    """Raises RecordingRefusedError, which names every function that is no row, no composite and no word of the tape."""
    unknown: dict[str, list[str]] = {}
    for event in map(without_out, calls_in(events)):
        if not _has_a_place(event):
            places = unknown.setdefault(_said(event), [])
            place = where(event.site)
            if place and place not in places:
                places.append(place)
    if not unknown:
        return
    lines = [f"  {name}  {', '.join(places[:3])}{', ...' * (len(places) > 3)}" for name, places in unknown.items()]
    raise RecordingRefusedError(
        f"The vocabulary has no row for {'this call' if len(lines) == 1 else f'these {len(lines)} calls'}:\n"
        + "\n".join(lines)
        + "\nAdd a row to compare/ops/ for each (or a composite to compare/composites/), or write the "
        "computation with other functions."
    )


def _has_a_place(event: Called) -> bool:
    return (
        bare_name(event.function) in WORDS
        or find_composite(event.function) is not None
        or recognise(event.function, event.arguments, event.keywords) is not None
    )


def _said(event: Called) -> str:
    """The function; with its plain arguments, where there is a row that has no room for one of them."""
    shown = described(event.function)
    given = _plain_arguments(event) if is_known(event.function) else ""
    return f"{shown}({given})" if given else shown


def _plain_arguments(event: Called) -> str:
    plain = (bool, int, float, str, type(None))
    said = [repr(one) if isinstance(one, plain) else "..." for one in event.arguments]
    said += [f"{name}={one!r}" for name, one in event.keywords.items() if isinstance(one, plain)]
    return ", ".join(said)
