"""Names for values: which one a value asks for, and which are free where it is bound."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from compare.pure import Applied, Result, Value
from compare.regions import same_number

__all__ = ["Names", "own_name", "printed", "readable"]


class Names:
    """Gives values names in one scope. A name is given again once its last reader has been printed."""

    def __init__(self, avoid: Iterable[str]) -> None:
        self.avoid = set(avoid)
        self.free_after: dict[str, float] = {}
        self.next_number: dict[str, int] = {}

    def give(self, hint: str, now: float, last_use: float) -> str:
        """A name for a value bound at step `now` and read until step `last_use`."""
        hint = hint.lstrip("_") or "value"
        candidate = hint
        while candidate in self.avoid or not self.is_free(candidate, now):
            number = self.next_number.get(hint, 2)
            self.next_number[hint] = number + 1
            candidate = f"{hint}_{number}"
        self.take(candidate, now, last_use)
        return candidate

    def is_free(self, name: str, now: float) -> bool:
        """Whether what the name stands for is not read behind step `now`."""
        return self.free_after.get(name, -1) <= now

    def take(self, name: str, now: float, last_use: float) -> None:
        """Bind a name, or an item of a dictionary, at step `now`, to what is read until step `last_use`."""
        # Two values bound by one statement are two names, even where one of them is never read.
        self.free_after[name] = max(last_use, now + 0.5)

    def keep(self, name: str, now: float, last_use: float) -> None:
        """What a name stands for is read until step `last_use`, too."""
        self.free_after[name] = max(self.free_after[name], last_use, now + 0.5)

    def reserve(self, hint: str, inside: Collection[str] = ()) -> str:
        """A name for good. `inside`: names that stand in its way elsewhere."""
        while (name := self.give(hint, -1, float("inf"))) in inside:
            self.avoid.add(name)
        self.avoid.add(name)
        return name


def readable(value: Value) -> str:
    """A name for a value: its own, or what is done to what: `loss_sum`."""
    if value.hint.startswith("_") and isinstance(value, Applied) and value.operands:
        return f"{own_name(value.operands[0])}_{value.op.name}"
    if value.hint.startswith("_") and isinstance(value, Result):
        return value.call.function.target
    return own_name(value)


def own_name(value: Value) -> str:
    """The name that a value has, or that of the first value it is computed from."""
    while value.hint.startswith("_") and value.operands:
        value = value.operands[0]
    return value.hint.lstrip("_")


def printed(value: Value) -> Value:
    """The value whose line gives this one its number. An unnamed one takes the first name that asks for it."""
    found = same_number(value)
    if found.hint.startswith("_") and not value.hint.startswith("_"):
        found.hint = value.hint
    return found
