"""Backwards, and what `.grad` holds."""

from __future__ import annotations

from compare.errors import ProgramError
from compare.facts import Handle
from compare.functionalize import refusals
from compare.functionalize.attached import Attached
from compare.functionalize.reach import arguments_of, passed_by, reached_from
from compare.functionalize.storages import Storages
from compare.functionalize.values import Values
from compare.functionalize.walk import Walk
from compare.ops import OPS, is_complex
from compare.pure import Accumulated, Applied, Differentiable, Gradient, Lost, Region, Value
from compare.statements import AutogradGrad, Backward, Grad, SetGrad

__all__ = ["Gradients"]


class Gradients:
    """The backwards of a program, and the gradients that they leave."""

    def __init__(self, walk: Walk, values: Values, storages: Storages, attached: Attached) -> None:
        self._walk = walk
        self._values = values
        self._storages = storages
        self._attached = attached
        # What `.grad` holds: of a leaf, by family, a tensor; of another tensor that retains its gradient, a value.
        self._slots: dict[int, Handle] = {}
        self._retained_gradients: dict[int, Value] = {}
        # PyTorch's gradient of a complex value, by JAX's.
        self._conjugates: dict[Value, Value] = {}

    # ---- statements ----

    def backward(self, statement: Backward) -> None:
        """Add to `.grad` of leaves. Raises ProgramError where hooks or rules make it inexact."""
        roots, cotangents = self.differentiated(statement.roots, statement.gradients)
        self._walk.remark("backward" if not any(cotangents) else "backward-gradient")
        self._remark_graph(statement)
        reached = reached_from(roots)
        leaves = [value for value in reached if isinstance(value, Differentiable) and self._collects(value)]
        if statement.inputs:
            self._walk.remark("backward-inputs")
            families = {self._walk.used[name].family.number for name in statement.inputs}
            leaves = [leaf for leaf in leaves if leaf.family in families]
        arguments = arguments_of(leaves, reached)
        region = self._region(
            roots,
            cotangents,
            arguments,
            statement.create_graph,
            anchors=() if statement.inputs else self._anchors(reached),
        )
        if not statement.inputs:
            refusals.check_leaf_hooks(self._walk.facts.hooks.on_leaves.values(), reached, leaves)
        for leaf in leaves:
            self._deposit(region, leaf)

    def autograd_grad(self, statement: AutogradGrad) -> None:
        """Return gradients. Raises ProgramError where PyTorch has None or an error, and where they are inexact."""
        roots, cotangents = self.differentiated(statement.outputs, statement.gradients)
        self._walk.remark("autograd-grad")
        self._remark_graph(statement)
        reached = reached_from(roots)
        inputs = {name: self._storages.producer(self._walk.used[name]) for name in statement.inputs}
        if not statement.materialize_grads or statement.create_graph:
            refusals.check_reached(reached, inputs)
        if not statement.materialize_grads:
            refusals.check_read(roots, inputs)
        # An input that another one goes into is probed where it is made, so that both gradients are whole.
        upstream = {value: set(reached_from((value,))) - {value} for value in inputs.values()}
        probed = tuple(
            value for value in dict.fromkeys(inputs.values()) if any(other in upstream[value] for other in upstream)
        )
        refusals.check_probed(self._attached.hooks.values(), probed)
        cut = [value for value in dict.fromkeys(inputs.values()) if value not in probed]
        regions: dict[Value, Region] = {}
        for used in (True, False) if statement.create_graph else (None,):
            # The zeros of an unused input have no history: no later backward reaches it through them.
            group = [value for value in cut if used is None or (value in reached) == used]
            if group:
                recorded = statement.create_graph and used is True
                region = self._region(
                    roots, cotangents, arguments_of(group, reached), recorded, () if used is False else probed
                )
                regions |= dict.fromkeys([*group, *region.retained], region)
        gradients: dict[Value, Value] = {
            gradient.of: self._conjugates.get(gradient, gradient)
            for region in regions.values()
            for gradient in region.gradients
        }
        for target, value in zip(statement.targets, inputs.values(), strict=True):
            handle = self._walk.facts.handles[target]
            if handle.is_none or value not in reached:
                self._walk.remark("unused-input")
            if value not in gradients:
                gradients[value] = self._gradient(regions[value], value, target)
            elif gradients[value].hint.startswith("_"):
                gradients[value].hint = target
            gradient = gradients[value]
            is_leaf = handle.is_leaf and handle.requires_grad
            self._storages.start(handle, self._values.differentiable(handle, gradient) if is_leaf else gradient)

    def set_grad(self, statement: SetGrad) -> None:
        """`.grad = None`, or another tensor."""
        self._walk.remark("zero-grad" if statement.source is None else "assigned-grad")
        family = self._walk.used[statement.handle].family.number
        if statement.source is None:
            self._slots.pop(family, None)
        else:
            self._slots[family] = self._walk.facts.gradients.slots[family]

    def grad(self, statement: Grad) -> None:
        """`.grad` as a tensor. Raises ProgramError where it is None."""
        self._walk.remark("grad-as-value")
        handle = self._walk.facts.handles[statement.target]
        if self._storages.holds(handle):
            return  # the slot holds a tensor that is known already
        found = self.slot(self._walk.used[statement.source])
        if found is None:
            raise ProgramError(
                f"'{statement.source}.grad' is used as a tensor, but no backward has reached it: it is None."
            )
        self._storages.start(handle, found)

    def _remark_graph(self, statement: Backward | AutogradGrad) -> None:
        if statement.create_graph:
            self._walk.remark("create-graph")
        elif statement.retain_graph:
            self._walk.remark("retain-graph")

    # ---- .grad ----

    def slot(self, handle: Handle) -> Value | None:
        """What `.grad` of a tensor holds. A leaf is known by its family, a retained tensor by itself."""
        held = None if handle.link is not None else self._slots.get(handle.family.number)
        return self._retained_gradients.get(handle.tensor) if held is None else self._storages.read(held)

    def _collects(self, leaf: Differentiable) -> bool:
        """Whether a gradient that arrives is added to `.grad`: it is not while requires_grad is off."""
        return self._walk.facts.gradients.leaves[leaf.family].requires_grad

    def _deposit(self, region: Region, leaf: Differentiable) -> None:
        """Add a gradient to what `.grad` of a leaf holds: to that tensor, or with create_graph into a new one."""
        hint = f"{leaf.hint.lstrip('_')}_grad"
        gradient = self._gradient(region, leaf, hint)
        held, slot = self._slots.get(leaf.family), self._walk.facts.gradients.slots[leaf.family]
        self._slots[leaf.family] = slot
        if held is None:
            self._storages.start(slot, gradient)
            return
        self._walk.remark("grad-accumulation")
        before = self._storages.read(held)
        if held.tensor != slot.tensor:
            self._storages.start(slot, self._accumulated(hint, before, gradient))
            return
        total = self._accumulated(hint, self._values.stopped(before), gradient)
        self._storages.write(held, total, held.chain, recording=False)

    def _accumulated(self, hint: str, before: Value, more: Value) -> Value:
        return self._walk.pure.add(Accumulated(hint, self._walk.index, more.shape, more.dtype, before, more))

    # ---- one backward ----

    def differentiated(
        self, roots: tuple[str, ...], gradients: tuple[str | None, ...]
    ) -> tuple[tuple[Value, ...], tuple[Value | None, ...]]:
        """The values of the roots, and a cotangent for each."""
        used, storages = self._walk.used, self._storages
        values = tuple(storages.recorded(used[name]) for name in roots)
        cotangents = tuple(
            None if name is None else self._conjugated(storages.read(used[name]), "_cotangent") for name in gradients
        )
        if len(roots) > 1:
            self._walk.remark("several-roots")
        return values, cotangents or (None,) * len(roots)

    def _anchors(self, reached: dict[Value, None]) -> tuple[Value, ...]:
        """Where a derivative ends in nothing, though on its way it fills what is retained."""
        if not self._attached.retained:
            return ()
        return tuple(
            value
            for value in reached
            if isinstance(value, Lost) or (isinstance(value, Differentiable) and not self._collects(value))
        )

    def _region(
        self,
        roots: tuple[Value, ...],
        cotangents: tuple[Value | None, ...],
        arguments: dict[Value, Value],
        recorded: bool,
        probed: tuple[Value, ...] = (),
        anchors: tuple[Value, ...] = (),
    ) -> Region:
        """Start a backward; fill what is retained on its way."""
        attached, pure = self._attached, self._walk.pure
        number = len(pure.regions)
        region = Region(self._walk.index, roots, cotangents, arguments, (), (), recorded, number, anchors=anchors)
        passed = passed_by(region)
        attached.passed(reached_from(roots))
        kept = attached.retained_among(passed)
        region.retained = tuple(dict.fromkeys([*probed, *(producer for _, producer in kept)]))
        if arguments or region.retained:
            pure.regions.append(region)
        region.hooks = attached.hooks_of(region, passed)
        refusals.check_hooks(region)
        refusals.check_zeros(region)
        refusals.check_pieces(attached.hooks.values(), attached.pieces, passed)
        refusals.check_ends(attached.hooks.values(), region, passed)
        of_probed = {value: self._gradient(region, value, f"_{value.hint.lstrip('_')}_grad") for value in probed}
        for retained, producer in kept:
            retained.filled = True
            name = f"{retained.handle.name.lstrip('_')}_grad"
            gradient: Value = of_probed.get(producer) or self._gradient(region, producer, name)
            before = self._retained_gradients.get(retained.handle.tensor)
            if before is not None:
                self._walk.remark("grad-accumulation")
                gradient = self._accumulated(name, before, gradient)
                gradient = gradient if recorded else self._values.stopped(gradient)
            self._retained_gradients[retained.handle.tensor] = gradient
        return region

    def _gradient(self, region: Region, of: Value, hint: str) -> Value:
        """The gradient that PyTorch has: of a complex value, the conjugate of the cotangent that JAX returns."""
        own = f"{hint.removesuffix('_grad')}_cotangent" if is_complex(of.dtype) else hint
        gradient = self._walk.pure.add(Gradient(own, self._walk.index, of.shape, of.dtype, region, of))
        region.gradients.append(gradient)
        if not is_complex(of.dtype):
            return gradient
        self._conjugates[gradient] = self._conjugated(gradient, hint)
        return self._conjugates[gradient]

    def _conjugated(self, value: Value, hint: str) -> Value:
        """A cotangent of JAX from a gradient of PyTorch, or the other way round: for real numbers the same."""
        if not is_complex(value.dtype):
            return value
        self._walk.remark("complex-conjugate")
        return self._walk.pure.add(Applied(hint, self._walk.index, value.shape, value.dtype, OPS["conj"], (value,), {}))
