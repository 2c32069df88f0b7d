"""Backward, autograd.grad and `.grad`: which leaves are reached, and which tensors hold the gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from compare.errors import ProgramError
from compare.facts.handles import Handle, Storage, check_not_lost, touch
from compare.facts.scope import Scope
from compare.ops import is_complex
from compare.statements import AutogradGrad, Backward, Grad, RetainGrad, SetGrad

__all__ = ["Gradients"]


@dataclass
class Gradients:
    """The leaves of a program, and what `.grad` of its tensors holds.

    leaves: the newest handle of every leaf, by family. slots: the tensor that `.grad` of a leaf holds, by family.
    retained: for every tensor that retains its gradient, the leaves that this gradient's own history reaches.
    retained_slots: the tensor that its `.grad` holds.
    """

    leaves: dict[int, Handle] = field(default_factory=dict)
    slots: dict[int, Handle] = field(default_factory=dict)
    retained: dict[int, frozenset[int]] = field(default_factory=dict)
    retained_slots: dict[int, Handle] = field(default_factory=dict)

    # -- leaves and slots --

    def becomes_leaf(self, handle: Handle) -> None:
        """From here on the tensor is a leaf that a backward reaches."""
        handle.family.leaves = frozenset({handle.family.number})
        self.leaves[handle.family.number] = handle

    def renew_leaf(self, handle: Handle) -> None:
        """Remember another handle of a tensor, if it is a leaf."""
        if handle.family.number in self.leaves:
            self.leaves[handle.family.number] = handle

    def holds(self, handle: Handle) -> bool:
        """Whether some `.grad` is that tensor."""
        return any(slot.tensor == handle.tensor for slot in (*self.slots.values(), *self.retained_slots.values()))

    def retains(self, storage: Storage) -> bool:
        """Whether the gradient that a non-leaf retains lies in that storage."""
        return any(storage is slot.storage for slot in self.retained_slots.values())

    def grad(self, scope: Scope, statement: Grad) -> None:
        """Bind the tensor that `.grad` holds. Raises ProgramError where it is None."""
        source = scope.tensor(statement.source)
        key = None if source.link is not None else source.family.number
        if key in self.slots:
            scope.bind(statement.target, self.slots[key])
            return
        if not source.requires_grad:
            raise ProgramError(
                f"The gradient of '{source.name}' is asked for, but it does not require grad. "
                "Make it a tape.leaf, or call requires_grad_() before it is used."
            )
        if source.tensor not in self.retained or source.is_leaf:
            raise ProgramError(
                f"'{source.name}.grad' is used as a tensor, before any backward has reached it: it is None there."
            )
        if source.tensor not in self.retained_slots:
            history = self.retained[source.tensor]
            slot = self._gradient_of(scope, source, statement.target, history, bool(history))
            self.retained_slots[source.tensor] = slot
        scope.bind(statement.target, self.retained_slots[source.tensor])

    def set_grad(self, scope: Scope, statement: SetGrad) -> None:
        """Put a tensor into `.grad` of a leaf, or None. Raises ProgramError."""
        handle = scope.tensor(statement.handle)
        if handle.link is not None or not handle.is_leaf or handle.tensor in self.retained:
            raise ProgramError(
                f"Assigning '{handle.name}.grad': only the slot of a leaf is modelled. Keep the tensor under a name."
            )
        if statement.source is None:
            self.slots.pop(handle.family.number, None)
            return
        source = scope.tensor(statement.source)
        if source.storage.inference:
            raise ProgramError(f"Assigning '{handle.name}.grad': '{source.name}' was made in inference mode. Clone it.")
        if (source.shape, source.dtype) != (handle.shape, handle.dtype):
            raise ProgramError(
                f"Assigning '{handle.name}.grad': a tensor of {handle.dtype}{list(handle.shape)} is needed, "
                f"'{source.name}' is {source.dtype}{list(source.shape)}."
            )
        if source.overlaps:
            raise ProgramError(
                f"Assigning '{handle.name}.grad': '{source.name}' was expanded, and a later backward adds to it in "
                "place. Clone it."
            )
        if source.tensor == handle.tensor:
            raise ProgramError(f"Assigning '{handle.name}.grad': a tensor cannot be its own gradient.")
        self.slots[handle.family.number] = source

    def retain_grad(self, scope: Scope, statement: RetainGrad) -> None:
        """Let `.grad` of a non-leaf hold its gradient. Raises ProgramError."""
        handle = scope.tensor(statement.handle)
        if not handle.requires_grad:
            raise ProgramError(f"retain_grad on '{handle.name}', which does not require grad: PyTorch raises.")
        touch(handle)
        check_not_lost(handle, "retain_grad")
        if not handle.is_leaf:
            scope.watched.add(handle.tensor)
            self.retained.setdefault(handle.tensor, frozenset())

    # -- differentiating --

    def backward(self, scope: Scope, statement: Backward) -> list[int]:
        """Add to `.grad`. Returns the families of the leaves that were reached, in order. Raises ProgramError."""
        reached, history = self._differentiated(scope, "backward", statement.roots, statement.gradients)
        for name in statement.inputs:
            one = scope.handle(name)
            if not one.requires_grad or not one.is_leaf:
                raise ProgramError(
                    f"backward(inputs=...) names '{name}', which is no leaf that requires grad. "
                    "Use tape.grad for the gradient of an intermediate."
                )
            if one.family.number not in reached:
                raise ProgramError(
                    f"backward(inputs=...) names '{name}', which the root does not depend on: PyTorch raises. "
                    "Leave it out, or declare the error with tape.expect_error."
                )
        if statement.inputs:
            reached = frozenset(scope.handle(name).family.number for name in statement.inputs)
        self._accumulate(scope, reached, history, statement.create_graph)
        return sorted(reached)

    def autograd_grad(self, scope: Scope, statement: AutogradGrad) -> None:
        """Bind gradients that no `.grad` holds. Raises ProgramError."""
        if len(statement.targets) != len(statement.inputs) or not statement.inputs:
            raise ProgramError("tape.grad gives one gradient for each input, and needs an input.")
        reached, history = self._differentiated(scope, "tape.grad", statement.outputs, statement.gradients)
        found: list[Handle] = []
        for target, name in zip(statement.targets, statement.inputs, strict=True):
            one = scope.tensor(name)
            if not one.requires_grad:
                raise ProgramError(
                    f"tape.grad with respect to '{name}', which does not require grad: PyTorch raises. "
                    "Make it a tape.leaf, or call requires_grad_() before it is used."
                )
            touch(one)
            check_not_lost(one, "tape.grad with respect to a view")
            used = not one.is_leaf or one.family.number in reached
            if not used and not (statement.allow_unused or statement.materialize_grads):
                raise ProgramError(
                    f"tape.grad with respect to '{name}', which the outputs do not depend on: PyTorch raises. "
                    "Give allow_unused=True, or declare the error with tape.expect_error."
                )
            if not used and statement.materialize_grads and statement.create_graph:
                # PyTorch makes these zeros a leaf that requires grad.
                found.append(scope.fresh(one.shape, one.dtype, creator=target, requires_grad=True))
                continue
            gradient = self._gradient_of(scope, one, target, history, statement.create_graph and used)
            gradient.storage.returned = True
            is_none = not used and not statement.materialize_grads
            found.append(replace(gradient, is_none=is_none, strides_known=math.prod(one.shape) <= 1))
        for target, gradient in zip(statement.targets, found, strict=True):
            if gradient.requires_grad and gradient.is_leaf:
                self.becomes_leaf(gradient)
            scope.bind(target, gradient)
        self._renew_retained(history, statement.create_graph)

    def attempt(self, scope: Scope, roots: tuple[str, ...]) -> None:
        """Give the leaves of a backward that PyTorch refuses a slot: the pure reading may still have a gradient."""
        for family in frozenset[int]().union(*(scope.handle(name).leaves for name in roots)):
            self.slots.setdefault(family, self._gradient_of(scope, self.leaves[family], "_", frozenset(), False))

    def _differentiated(
        self, scope: Scope, word: str, roots: tuple[str, ...], gradients: tuple[str | None, ...]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Check roots and their cotangents.

        Returns: the families of the leaves that the roots reach; those that a recorded gradient reaches.
        """
        if not roots:
            raise ProgramError(f"{word} needs a root.")
        if gradients and len(gradients) != len(roots):
            raise ProgramError(f"{word}: {len(roots)} roots need {len(roots)} gradients, got {len(gradients)}.")
        scope.outside_inference_mode(word)
        reached: frozenset[int] = frozenset()
        history: frozenset[int] = frozenset()
        for name, cotangent in zip_longest(roots, gradients):
            root = scope.tensor(name)
            if not root.requires_grad:
                raise ProgramError(
                    f"{word} from '{root.name}', which does not require grad: PyTorch raises. Give it a leaf, "
                    "or declare the error with tape.expect_error."
                )
            touch(root)
            if root.is_lost:
                raise ProgramError(
                    f"{word} from '{root.name}', a view that PyTorch gave no node: it was made under no_grad, or "
                    "before its base required grad. PyTorch raises. Take the view again."
                )
            if cotangent is None and math.prod(root.shape) != 1:
                raise ProgramError(
                    f"{word} from '{root.name}' of shape {list(root.shape)} needs gradient=: "
                    "grad can be implicitly created only for scalar outputs."
                )
            if cotangent is None and is_complex(root.dtype):
                raise ProgramError(
                    f"{word} from '{root.name}' of dtype {root.dtype} needs gradient=: "
                    "grad can be implicitly created only for real scalar outputs."
                )
            if cotangent is not None:
                gradient = scope.tensor(cotangent)
                if gradient.storage.inference:
                    raise ProgramError(
                        f"{word}: gradient '{gradient.name}' was made in inference mode, and .grad may be that very "
                        "tensor. Clone it first."
                    )
                if (gradient.shape, gradient.dtype) != (root.shape, root.dtype):
                    raise ProgramError(
                        f"{word} from '{root.name}': gradient= must be {root.dtype}{list(root.shape)}, "
                        f"got {gradient.dtype}{list(gradient.shape)}."
                    )
                history |= gradient.leaves
            touch(root)
            reached |= root.leaves
        return reached, reached | history

    def _accumulate(self, scope: Scope, reached: frozenset[int], history: frozenset[int], create_graph: bool) -> None:
        for family in sorted(reached):
            # A gradient is added to the tensor that the slot holds; with create_graph the sum is a new tensor.
            leaf = self.leaves[family]
            if not leaf.requires_grad:
                continue
            if family in self.slots and not create_graph:
                self.slots[family].version.count += 1
            else:
                self.slots[family] = self._gradient_of(scope, leaf, f"{leaf.name}_grad", history, create_graph)
        self._renew_retained(history, create_graph)

    def _renew_retained(self, history: frozenset[int], create_graph: bool) -> None:
        """A retained gradient is added to out of place: what `.grad` holds afterwards is another tensor."""
        self.retained_slots.clear()
        self.retained = dict.fromkeys(self.retained, history if create_graph else frozenset())

    def _gradient_of(
        self, scope: Scope, handle: Handle, name: str, history: frozenset[int], create_graph: bool
    ) -> Handle:
        leaves = history if create_graph else frozenset[int]()
        gradient = scope.fresh(
            handle.shape,
            handle.dtype,
            requires_grad=create_graph,
            is_leaf=not create_graph,
            leaves=leaves,
            creator=name,
        )
        gradient.family.of_gradient = create_graph
        return gradient
