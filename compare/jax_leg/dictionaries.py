"""Leaves that belong together, such as the parameters of a model: they and their gradients go into dictionaries."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from compare.jax_leg.names import Names, printed
from compare.jax_leg.trees import dictionary_tree, item_tree
from compare.pure import Differentiable, Given, Region, StraightThrough, Value
from compare.regions import Bind, Differentiate, Step
from compare.sources import name_tree
from compare.updates import Update

__all__ = ["Dictionaries", "Group"]


@dataclass(eq=False)
class Group:
    """Leaves that every backward differentiates together, in one dictionary.

    name: of the dictionary. keys: by family. pending: what it starts with, until it is written: expressions by key.
    """

    name: str
    keys: dict[int, str]
    pending: dict[str, ast.expr] | None = field(default_factory=dict)

    @property
    def gradients(self) -> str:
        """The name of the dictionary of their gradients."""
        return self.name.removesuffix("params") + "grads"

    def key_of(self, value: Value) -> str | None:
        """The key of a leaf, or of what an unrecorded write made of it."""
        leaf = value.old if isinstance(value, StraightThrough) else value
        return self.keys.get(leaf.family) if isinstance(leaf, Differentiable) else None

    def arguments(self, region: Region) -> dict[str, Value]:
        """The arguments that a backward takes for the group."""
        pairs = [(self.key_of(of), argument) for of, argument in region.arguments.items()]
        return {key: argument for key, argument in pairs if key is not None}

    def tree(self, region: Region, look_up: Callable[[Value], ast.expr]) -> ast.expr:
        """The dictionary as it is now, or one made for this call, where something else is in its places."""
        items = {key: look_up(argument) for key, argument in self.arguments(region).items()}
        if all(ast.unparse(tree) == ast.unparse(item_tree(self.name, key)) for key, tree in items.items()):
            return name_tree(self.name)
        return dictionary_tree(items)


class Dictionaries:
    """The dictionaries of the top level.

    Args:
        steps: those of the top level. A backward that differentiates one leaf of a dictionary differentiates all.
        names: gives the names of the top level. emit: writes a line there, with the statement that it comes from.

    gradients: by gradient that is in a dictionary: the name of that, and the key.
    """

    def __init__(
        self,
        steps: Sequence[Step | Update],
        names: Names,
        emit: Callable[[str, int | None], None],
    ) -> None:
        self.gradients: dict[Value, tuple[str, str]] = {}
        self._names = names
        self._emit = emit
        # Where in which dictionary a value is kept.
        self._slots: dict[Value, tuple[Group, str]] = {}
        regions = [step.region for step in steps if isinstance(step, Differentiate)]
        self._groups = [Group(names.reserve(name), keys) for name, keys in _together(regions).items()]
        values = [step.value for step in steps if isinstance(step, Bind)]
        for value in (*values, *(argument for region in regions for argument in region.parameters)):
            number = printed(value)
            for group in self._groups:
                key = group.key_of(value)
                if key is not None and value.hint == number.hint:
                    self._slots.setdefault(number, (group, key))
        for value in values:
            for group in self._groups:
                key = group.key_of(value)
                if key is not None and self.needs_line(value):
                    self._slots[value] = (group, key)

    def needs_line(self, value: Value) -> bool:
        """Whether a value with another's number is written as an assignment of its own: `a = d`."""
        number = printed(value)
        if value.hint.startswith("_") or value is number:
            return False
        slot = next(((group, key) for group in self._groups if (key := group.key_of(value)) is not None), None)
        return value.hint != number.hint or (slot is not None and self._slots.get(number, slot) != slot)

    def packed(self, region: Region) -> list[Value | Group]:
        """What the function of a backward takes: values, and groups of them in one dictionary."""
        of = {argument: group for group in self._groups for argument in group.arguments(region).values()}
        return list(dict.fromkeys(of.get(argument, argument) for argument in region.parameters))

    def open_for(self, value: Value, origin: int) -> None:
        """Write the dictionary that a value is kept in."""
        if value in self._slots:
            self._open(self._slots[value][0], origin)

    def place(self, value: Value, now: int, last_use: float, *, starting: bool) -> ast.expr | None:
        """The place of a value in its dictionary, unless what is there is still read later.

        starting: the value may be one of those that the dictionary starts with.
        """
        if value not in self._slots:
            return None
        group, key = self._slots[value]
        if not starting:
            self._open(group, value.origin)
            if group.pending is not None:
                return None
        tree = item_tree(group.name, key)
        place = ast.unparse(tree)
        if not self._names.is_free(place, now):
            return None
        self._names.take(place, now, last_use)
        return tree

    def starts_with(self, key: Value, value: Value, tree: ast.expr) -> bool:
        """Whether a value, known by `key`, became one of the items that its dictionary starts with."""
        slot = self._slots.get(key)
        if slot is None or slot[0].pending is None:
            return False
        group, word = slot
        assert group.pending is not None
        group.pending[word] = tree
        # What is no data is written at once: the names that it reads may change.
        if not isinstance(value, Given) or len(group.pending) == len(group.keys):
            self._open(group, value.origin)
        return True

    def _open(self, group: Group, origin: int) -> None:
        """Write a dictionary with what is known of it."""
        if group.pending:
            self._emit(f"{group.name} = {ast.unparse(dictionary_tree(group.pending))}", origin)
            group.pending = None


def _together(regions: Iterable[Region]) -> dict[str, dict[int, str]]:
    """The names of the dictionaries, each with the keys of its leaves, by family."""
    keys: dict[str, dict[int, str]] = {}
    met: dict[str, list[set[int]]] = {}
    spoilt: set[str] = set()
    for region in regions:
        here: dict[str, set[int]] = {}
        for of, argument in region.arguments.items():
            if isinstance(of, Differentiable) and of.member is not None:
                name = of.member.group
                keys.setdefault(name, {})[of.family] = of.member.key
                here.setdefault(name, set()).add(of.family)
                alone = list(region.arguments.values()).count(argument) == 1
                if not alone or of.hint.startswith("_") or not isinstance(argument, Differentiable | StraightThrough):
                    spoilt.add(name)
        for name, families in here.items():
            met.setdefault(name, []).append(families)
    return {
        name: found
        for name, found in keys.items()
        if name not in spoilt
        and all(families == found.keys() for families in met[name])
        and len(set(found.values())) == len(found)
    }
