"""Backwards and autograd.grad: derivatives from shifts, and gradients that have history themselves.

The derivative of roots along a move is their shift over the step. Where the roots are moved by other moves too, it is
the derivative in that moved program; less the one in the program itself, that is the shift of the gradient.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import mpmath

from compare.observed import Surrogate
from compare.one_sided import NOISE, settled
from compare.ops import is_complex
from compare.reference.arithmetic import Elements, array_of, is_single, objects, zeros
from compare.reference.doubts import (
    FLOAT32_ON_THE_WAY,
    HANDED_ON,
    NO_DERIVATIVE,
    NONE_OR_ZEROS,
    PART_OF_ANOTHER,
    READS_ITS_RESULT,
    TOO_MANY,
    UNREACHED,
    Doubts,
    Withdrawn,
)
from compare.reference.layout import as_stored
from compare.reference.moves import Direction, Move, Probe
from compare.reference.plan import Differentiation, Key, Node, Owner
from compare.reference.pullback import Pullback
from compare.reference.recording import Recording
from compare.reference.slots import accumulate
from compare.reference.tensors import History, Path, Storage, Tensor, Version, merged
from compare.statements import AutogradGrad, Backward

__all__ = ["Differentiator"]


class Differentiator:
    """Takes the gradients of a pass.

    hooks: by name, the tensor's name, the node it is on, and whether it is the tensor's. For the plan, the survey notes
    in `found` what is differentiated, in `marks` which places have to be known, in `read` and `used` which gradients
    are looked at, and which are computed with. unsettled: what has to be moved by several steps to tell a derivative.
    """

    def __init__(self, tape: Recording) -> None:
        self.tape = tape
        self.hooks: dict[str, tuple[str, Node, bool]] = {}
        self.marks: set[Node] = set()
        self.read: set[Owner] = set()
        self.used: set[Owner] = set()
        self.found: list[Differentiation] = []
        self.unsettled: set[Key] = set()

    # -- statements --

    def backward(self, statement: Backward) -> None:
        """Accumulate into the `.grad` of what the roots reach."""
        pull = self._pullback(statement.roots, statement)
        if pull is None:
            return
        inputs = [self.tape.tensor(name) for name in statement.inputs]
        self._collect(pull, self._differentiation(pull), inputs, self.tape.collecting, 0)

    def autograd_grad(self, statement: AutogradGrad) -> None:
        """New tensors; beside them, only retained gradients on the way are filled."""
        inputs = [self.tape.tensor(name) for name in statement.inputs]
        for tensor in inputs:
            self.tape.renew(tensor)
        pull = self._pullback(statement.outputs, statement)
        found = None if pull is None else self._differentiation(pull)
        gradients = []
        for position, (target, tensor) in enumerate(zip(statement.targets, inputs, strict=True)):
            self.marks.add(tensor.node)
            gradient = None
            if pull is not None and found is not None and self._reaches(pull, tensor):
                found.takes(tensor.node, tensor.moves, ("result", (self.tape.index, position)))
                gradient = self._gradient(tensor, pull, position, held=None)
                self._doubt_its_memory(gradient, self._path(tensor, pull), pull)
                gradients.append((tensor, gradient))
            elif tensor.handed_on:
                storage = Storage(as_stored(tensor.value.copy(), tensor.dtype), Doubts(HANDED_ON))
                gradient = self.tape.bind(tensor.dtype, storage, position=position)
            elif statement.materialize_grads:
                storage = Storage(as_stored(zeros(tensor.value.shape), tensor.dtype))
                gradient = self.tape.bind(tensor.dtype, storage, position=position)
                self.tape.require_grad(gradient, statement.create_graph)
            self.tape.tensors[target] = gradient
        self._connect(gradients)
        if pull is not None and found is not None:
            retaining = [tensor for tensor in self.tape.collecting if tensor.retains_grad]
            self._collect(pull, found, inputs, retaining, len(inputs))

    def assign(self, tensor: Tensor, held: Tensor | None) -> None:
        """`tensor.grad = held`."""
        tensor.grad = held
        if held is not None:
            self.used.add(("slot", tensor.born))

    def _pullback(self, names: Sequence[str], statement: Backward | AutogradGrad) -> Pullback | None:
        """None where no root has history: PyTorch raises."""
        pairs = []
        for name, cotangent in zip_longest(names, statement.gradients):
            root = self.tape.tensor(name)
            self.tape.renew(root)
            if root.family.requires_grad and not (cotangent is None and is_complex(root.dtype)):
                pairs.append((root, None if cotangent is None else self.tape.tensor(cotangent)))
        return Pullback(tuple(pairs), len(names) == 1, statement.create_graph, self.tape.index) if pairs else None

    def _differentiation(self, pull: Pullback) -> Differentiation:
        found = Differentiation(pull.number, pull.order, pull.inner)
        self.found.append(found)
        return found

    def _reaches(self, pull: Pullback, tensor: Tensor) -> bool:
        """Whether the roots depend on a tensor. A blind survey cannot tell of a non-leaf."""
        unknown = self.tape.plan.blind and (tensor.retains_grad or not tensor.is_leaf)
        return tensor.node in pull.history or unknown

    def _collect(
        self,
        pull: Pullback,
        found: Differentiation,
        inputs: Sequence[Tensor],
        collecting: Sequence[Tensor],
        position: int,
    ) -> None:
        """Fill the `.grad` of the tensors that collect one, or where there are inputs, of what is on the way to those.

        position: the first number that the new tensors may have.
        """
        gradients, plan = [], self.tape.plan
        for tensor in collecting:
            position += 2
            if tensor.retains_grad:
                self.marks.add(tensor.node)
            if not (tensor.family.requires_grad or tensor.retains_grad) or not self._reaches(pull, tensor):
                continue
            if inputs and not self._is_on_the_way(pull, tensor, inputs):
                continue
            found.takes(tensor.node, tensor.moves, ("slot", tensor.born))
            if plan.survey or (tensor.node, pull.order) in plan.sizes:
                gradients.append((tensor, self._gradient(tensor, pull, position, tensor.grad)))
        for tensor, gradient in gradients:
            accumulate(self.tape, tensor, gradient, pull.create_graph)

    def _is_on_the_way(self, pull: Pullback, tensor: Tensor, inputs: Sequence[Tensor]) -> bool:
        """Whether a differentiation with respect to inputs fills the tensor's `.grad`."""
        if not tensor.retains_grad:
            return any(tensor is one for one in inputs)
        # From one root alone, PyTorch starts whether or not anything is to be reached from there.
        starts = pull.alone and tensor.node == pull.roots[0][0].node
        return self.tape.plan.blind or starts or any(one.node in self.tape.upstream[tensor.node] for one in inputs)

    # -- one gradient --

    def _gradient(self, tensor: Tensor, pull: Pullback, position: int, held: Tensor | None) -> Tensor:
        """The gradient with respect to one tensor. In the survey, and where nobody looks, its numbers are not known.

        held: what it is to be added to.
        """
        path, order, value = self._path(tensor, pull), pull.order, tensor.value
        if (tensor.node, order) not in self.tape.plan.sizes:
            storage = Storage(as_stored(value.copy(), tensor.dtype), Doubts(UNREACHED))
        else:
            storage = self._derivatives(tensor, pull, path)
            zero = storage.left is None and all(number == 0 for number in storage.value.flat)
            if storage.doubts.unknown is None and held is None and zero and not path.certain:
                storage.doubts = replace(storage.doubts, unknown=NONE_OR_ZEROS)
        gradient = self.tape.bind(tensor.dtype, storage, version=Version(known=False), position=position)
        if pull.create_graph:
            self._give_history(gradient, tensor, pull, path)
        return gradient

    def _path(self, tensor: Tensor, pull: Pullback) -> Path:
        """The ways from the roots to a tensor; of one that a blind survey does not know, the most there may be."""
        return pull.history.get(tensor.node) or Path(reads=frozenset(pull.history))

    def _derivatives(self, tensor: Tensor, pull: Pullback, path: Path) -> Storage:
        """The numbers of a gradient, and what is to be known of them."""
        node, doubts = tensor.node, pull.doubts
        unknown = self._unknown(tensor, pull, path)
        left = right = _unknown_numbers(tensor)
        vectors = None
        if unknown is None:
            probe = self.tape.probes[node]
            vectors = probe.vectors[pull.order]
            left, right = self._sides(probe, pull, node, right.shape if vectors is None else (len(vectors),))
            if any(mpmath.isnan(side) for side in (*left.flat, *right.flat)):
                unknown = NO_DERIVATIVE
        smooth = all(one == other or mpmath.isnan(one) for one, other in zip(left.flat, right.flat, strict=True))
        # Nothing is known of the signs of its zeros, and of roundings only where they would be too large for it.
        negative_zero = any(side == 0 for side in right.flat)
        doubts = replace(doubts, unknown=unknown, negative_zero=negative_zero, coarse=is_single(tensor.dtype))
        return Storage(right, doubts, None if smooth else left, vectors)

    def _unknown(self, tensor: Tensor, pull: Pullback, path: Path) -> Surrogate | Withdrawn | None:
        """Why the derivative is not known, before it is taken."""
        doubts = pull.doubts
        edited = self._edited(tensor.node, pull.history)
        if edited is not None or doubts.unknown is not None:
            return edited or doubts.unknown
        if not is_single(tensor.dtype) and (doubts.coarse or path.narrowed):
            return FLOAT32_ON_THE_WAY
        if tensor.handed_on:
            return HANDED_ON
        if path.withdrawn is not None:
            return path.withdrawn
        return TOO_MANY if pull.order > self.tape.plan.limit else None

    def _edited(self, node: Node, history: History) -> Surrogate | None:
        """What makes gradients up between a node and the roots whose history this is: a hook, or a rule of its own."""
        for name, hooked, on_tensor in self.hooks.values():
            if hooked in history and node in self.tape.upstream[hooked] and (on_tensor or node != hooked):
                what = f"'{name}'" if on_tensor else f"the node of '{name}'"
                return Surrogate(f"a hook on {what} edits the cotangent")
        for passed, (function, before) in self.tape.rules.items():
            if passed in history and node in before:
                return Surrogate(f"'{function}' has a backward rule of its own")
        return None

    def _sides(self, probe: Probe, pull: Pullback, node: Node, shape: tuple[int, ...]) -> tuple[Elements, Elements]:
        """The left and the right derivatives along each move of a probe; nan where one step does not tell."""
        order, scale = pull.order, pull.scale
        levels = self.tape.directions.levels((node, order))
        pairs = []
        for which in range(self.tape.plan.sizes[node, order]):
            quotients: dict[int, list[Any]] = {1: [], -1: []}
            for sign, found in quotients.items():
                for level in range(levels):
                    move = Move(node, order, which, sign, level)
                    found.append(pull.unmoved(move) / probe.steps[move])
            sides = settled(quotients[1], quotients[-1], scale)
            if sides is None:
                self.unsettled.add((node, order))
            pairs.append(sides or (mpmath.nan, mpmath.nan))
        left, right = (array_of([pair[side] for pair in pairs], shape) for side in (0, 1))
        return left, right

    # -- gradients with history --

    def _give_history(self, gradient: Tensor, tensor: Tensor, pull: Pullback, path: Path) -> None:
        """Let a gradient depend on what PyTorch's formulas read on the way to it, and move with that."""
        cotangents = [one.history for _, one in pull.roots if one is not None] if path.passes else []
        exact = path.exact and self._edited(tensor.node, pull.history) is None
        narrowed = any(one.narrowed for one in (path, *pull.history.values())) or is_single(tensor.dtype)
        read = {
            node: Path(certain=exact, narrowed=narrowed, withdrawn=READS_ITS_RESULT if node in path.results else None)
            for node in path.reads
        }
        family = gradient.family
        family.history = merged([read, *cotangents])
        if not family.history:
            return
        # What formulas for second derivatives read is not modelled: at most everything.
        everything = frozenset(family.history)
        family.history = {
            node: replace(one, reads=everything, passes=True, exact=False) for node, one in family.history.items()
        }
        family.requires_grad, family.leaf = True, False
        family.order, family.inner = pull.order, pull.inner | {pull.number}
        for direction in self.tape.directions.reaching(family.history.keys(), family.order):
            family.shifts[direction] = self._shift(gradient, tensor, pull, direction)
        self.tape.produced(gradient)

    def _shift(self, gradient: Tensor, tensor: Tensor, pull: Pullback, direction: Direction) -> Elements:
        """How far a gradient is moved in a run; nan where it is not known, or the run comes to lie at a kink."""
        node, order, storage = tensor.node, pull.order, gradient.storage
        if storage.doubts.unknown is not None or storage.left is not None or storage.vectors is not None:
            return _unknown_numbers(tensor)
        count = self.tape.plan.sizes[node, order]
        moves = [[Move(node, order, which, sign, 0) for sign in (1, -1)] for which in range(count)]
        # A run that is not planned belongs to a differentiation of other gradients than this.
        if not moves or direction.union({moves[0][0]}) not in self.tape.directions.planned:
            return _unknown_numbers(tensor)
        steps = self.tape.probes[node].steps
        reach = mpmath.mpf(1)
        for move in direction:
            reach *= self.tape.probes[move.node].steps[move]
        shifts = []
        for pair in moves:
            # A side that does not exist here, at the edge of a domain, is left out.
            sides = [
                move.sign * (pull.change(move, direction) - before) / steps[move]
                for move in pair
                if not mpmath.isnan(before := pull.unmoved(move))
            ]
            smooth = max(sides) - min(sides) <= NOISE * reach * pull.scale
            shifts.append(sum(sides) / len(sides) if smooth else mpmath.nan)
        return array_of(shifts, storage.value.shape)

    def _doubt_its_memory(self, gradient: Tensor, path: Path, pull: Pullback) -> None:
        """PyTorch may answer with a tensor that it also gives elsewhere, or with the given cotangent itself."""
        gradient.storage.borrowed = True
        given = [one for _, one in pull.roots if one is not None]
        gradient.handed_on = bool(given) and path.passes and not (path.reads and path.exact)
        if gradient.handed_on:
            for one in given:
                one.storage.lent.append(gradient.storage)
        if gradient.handed_on and not pull.create_graph and any(one.family.requires_grad for one in given):
            gradient.storage.doubts |= Doubts(HANDED_ON)

    def _connect(self, gradients: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Of one call, PyTorch computes the gradient of what comes first through those of what comes later."""
        for (earlier, gradient), (later, other) in itertools.permutations(gradients, 2):
            family = gradient.family
            if family.requires_grad and other.family.requires_grad and earlier.node in self.tape.upstream[later.node]:
                family.history[other.node] = Path(certain=False, exact=False, withdrawn=PART_OF_ANOTHER)
                self.tape.upstream[gradient.node].add(other.node)
                for direction in self.tape.directions.reaching(family.history.keys(), family.order):
                    family.shifts.setdefault(direction, _unknown_numbers(gradient))


def _unknown_numbers(tensor: Tensor) -> Elements:
    """For each derivative with respect to a tensor, nan."""
    return objects(as_stored(zeros(tensor.value.shape), tensor.dtype) + mpmath.nan)
