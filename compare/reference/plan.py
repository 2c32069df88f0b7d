"""What to move: which tensors, at which places of the history, and which of them together.

A survey, a pass over the program that moves nothing, finds every differentiation and what is done with its gradients.
A retained gradient and a hook belong to a place that the program passes before it names it. The plan then says what
the last pass moves: what is looked at, and for a gradient that is differentiated again, every element inside together
with every element outside.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

__all__ = ["RANDOM_DIRECTIONS", "Differentiation", "Key", "Node", "Owner", "Place", "Plan"]

SMALL, LARGE = 8, 64
"""With more than LARGE probed elements in all, a probe of more than SMALL elements is moved along random directions."""
RANDOM_DIRECTIONS = 4
MOST_WORK = 40_000
"""Combined runs times elements computed in a run: about a second."""

Place = tuple[int, int]
"""Which tensor: the statement that made it, and which of those that it made."""


class Node(NamedTuple):
    """A place in the recorded history: a tensor, and the statement that last gave it new history."""

    tensor: Place
    produced: int


Owner = tuple[Literal["slot", "result"], Place]
"""Where a gradient is found: in the `.grad` of a tensor, or as a tensor that autograd.grad made."""
Key = tuple[Node, int]
"""What is moved: a node, for derivatives of an order."""
Nest = tuple[Key, ...]
"""Keys that are moved together, that of the lowest order first: the others are outside of it."""


@dataclass
class Differentiation:
    """One backward, or one autograd.grad.

    order: 1, or one more than that of the gradients its roots are computed from. inner: the numbers of those.
    sizes: by node, the number of elements of what it is taken with respect to. owners: by node, where the gradients
    are found.
    """

    number: int
    order: int
    inner: frozenset[int]
    sizes: dict[Node, int] = field(default_factory=dict)
    owners: dict[Node, set[Owner]] = field(default_factory=dict)

    def takes(self, node: Node, size: int, owner: Owner) -> None:
        """Note that the derivative with respect to a node is taken."""
        self.sizes[node] = size
        self.owners.setdefault(node, set()).add(owner)

    def keys(self, owners: set[Owner]) -> dict[Key, int]:
        """What it takes for some owners, with the number of elements."""
        return {(node, self.order): self.sizes[node] for node, found in self.owners.items() if found & owners}


@dataclass
class Plan:
    """What to move.

    survey: nothing; the pass is to find a plan. blind: it does not even know the marks yet.
    marks: the nodes that a pass has to know, moved or not. sizes: by key, how many moves it has. random: the keys that
    are moved along random directions. nests: what is moved together. limit: derivatives of a higher order than this
    are not taken.
    """

    survey: bool = False
    blind: bool = False
    marks: frozenset[Node] = frozenset()
    sizes: dict[Key, int] = field(default_factory=dict)
    random: set[Key] = field(default_factory=set)
    nests: list[Nest] = field(default_factory=list)
    limit: int = 1

    @classmethod
    def of(
        cls, found: Sequence[Differentiation], marks: Set[Node], read: set[Owner], used: set[Owner], work: int
    ) -> Plan:
        """The plan for what a survey found.

        Args: marks: nodes to know beside those that are moved. read, used: where gradients are looked at, and where
        they are computed with. work: how many elements one run computes.
        """
        plan = cls()
        for one in found:
            plan.sizes |= one.keys(read | used)
        plan.limit = max((order for _, order in plan.sizes), default=1)
        computed_with = frozenset[Key]().union(*(one.keys(used) for one in found))
        plan.nests = list(dict.fromkeys(itertools.chain.from_iterable(_nests(found, plan.sizes, computed_with))))
        if sum({node: size for (node, _), size in plan.sizes.items()}.values()) > LARGE:
            plan._use_random_directions(computed_with)
        if plan._work(work) > MOST_WORK:
            plan._use_random_directions(computed_with)
        while plan._work(work) > MOST_WORK:
            plan.limit -= 1
            plan.nests = [nest for nest in plan.nests if nest[-1][1] <= plan.limit]
        plan.marks = frozenset(marks).union(node for node, _ in plan.sizes)
        return plan

    def _use_random_directions(self, computed_with: Set[Key]) -> None:
        """Move what is large, and whose elements are not needed one by one, along a few vectors."""
        inside = {key for nest in self.nests for key in nest[:-1]}
        for key, size in self.sizes.items():
            if size > SMALL and key not in computed_with and key not in inside:
                self.random.add(key)
                self.sizes[key] = RANDOM_DIRECTIONS

    def _work(self, work: int) -> int:
        return work * sum(math.prod(2 * self.sizes[key] for key in nest) for nest in self.nests if len(nest) > 1)


def _nests(
    found: Sequence[Differentiation], sizes: Mapping[Key, int], computed_with: Set[Key]
) -> Iterator[Iterator[Nest]]:
    """For every chain of differentiations, one key of each, in every combination that can matter."""
    by_number = {one.number: one for one in found}
    for one in found:
        for *inner, last in _chains(one, by_number):
            keys = [[key for key in _keys(each) if key in computed_with] for each in inner]
            yield itertools.product(*keys, [key for key in _keys(last) if key in sizes])


def _keys(one: Differentiation) -> list[Key]:
    return [(node, one.order) for node in one.owners]


def _chains(last: Differentiation, by_number: Mapping[int, Differentiation]) -> Iterator[tuple[Differentiation, ...]]:
    """The differentiations that end in this one, each taken of a gradient of the one before it."""
    yield (last,)
    for number in sorted(last.inner):
        for chain in _chains(by_number[number], by_number):
            yield (*chain, last)
