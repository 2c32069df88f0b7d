"""Backwards that are refused, because the pure program would not have PyTorch's gradient. All raise ProgramError."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from compare.errors import ProgramError
from compare.functionalize.reach import behind_none, nested_in, reached_from, reads_behind_a_hook
from compare.functions import is_linear, keeps_zeros
from compare.pure import Differentiable, HookedAt, Region, Result, Value
from compare.statements import RegisterPostAccumulateGradHook

__all__ = [
    "check_ends",
    "check_hooks",
    "check_leaf_hooks",
    "check_pieces",
    "check_probed",
    "check_reached",
    "check_read",
    "check_zeros",
]


def check_leaf_hooks(
    hooks: Iterable[tuple[int, RegisterPostAccumulateGradHook]],
    reached: Iterable[Value],
    leaves: Collection[Differentiable],
) -> None:
    """Refuse a hook that PyTorch runs on a leaf though a backward rule gave it None for a gradient."""
    behind = behind_none({value.call for value in reached if isinstance(value, Result)})
    for family, hook in hooks:
        for leaf in behind:
            if isinstance(leaf, Differentiable) and leaf.family == family and leaf not in leaves:
                raise ProgramError(
                    f"The hook '{hook.target}' on '{leaf.hint}' runs in PyTorch, though a backward rule gives None "
                    "for it and nothing is added to its .grad. Remove the hook, or return zeros from the rule."
                )


def check_reached(reached: Collection[Value], inputs: Mapping[str, Value]) -> None:
    """Refuse a non-leaf that the outputs do not depend on: JAX has zeros there."""
    for name, value in inputs.items():
        if value not in reached and not isinstance(value, Differentiable):
            raise ProgramError(
                f"tape.grad with respect to '{name}', which the outputs do not depend on: PyTorch has None or an "
                "error there. Leave it out."
            )


def check_read(roots: tuple[Value, ...], inputs: Mapping[str, Value]) -> None:
    """Refuse a non-leaf that only gradients lead to whose formulas do not read it: JAX has zeros there."""
    unsure = {name: value for name, value in inputs.items() if not isinstance(value, Differentiable)}
    read = reached_from(roots, by_formula=True) if unsure else {}
    for name, value in unsure.items():
        if value not in read:
            raise ProgramError(
                f"tape.grad with respect to '{name}', of which the outputs use a gradient that does not depend on "
                "it: PyTorch has None or an error there, JAX zeros. Leave it out, or give materialize_grads=True."
            )


def check_probed(hooks: Iterable[HookedAt], probed: Collection[Value]) -> None:
    """Refuse a tensor hook on an input of tape.grad that another input goes into: PyTorch passes it by there."""
    for hooked in hooks:
        if hooked.value in probed and hooked.hook.place == "tensor" and hooked.hook.result is not None:
            raise ProgramError(
                f"The hook '{hooked.hook.target}' is on an input of tape.grad that another input goes into: then "
                "PyTorch gives the gradient from before the hook, and otherwise that from behind it. Ask for the "
                "two in two calls, with retain_graph."
            )


def check_hooks(region: Region) -> None:
    """Refuse hooks that another differentiation of the same values did not have, or would have twice."""
    for inner in nested_in(region):
        own = set(inner.arguments.values()) | set(inner.arguments)
        then = {hooked.hook.target for hooked in inner.hooks}
        inside = set(inner.body) | own
        now = {
            hooked.hook.target
            for hooked in region.hooks
            if hooked.value in inside and (hooked.hook.place == "tensor" or hooked.value not in own)
        }
        if then != now:
            name = min(then ^ now)
            raise ProgramError(
                f"The hook '{name}' came or went between a backward with create_graph and the one through its "
                "gradients: the JAX form has one set of hooks for both. Register it before the first, and keep it."
            )
        for hooked in inner.hooks:
            if hooked.hook.result is not None and reads_behind_a_hook(hooked):
                raise ProgramError(
                    f"The hook '{hooked.hook.target}' is at an op whose gradient PyTorch computes from its result, "
                    "or for a hook after its node, from its operand. Through a gradient that is differentiated "
                    "again, that goes by the hook another way than in JAX. Put the hook on a clone."
                )
            if hooked.value in own:
                raise ProgramError(
                    f"The hook '{hooked.hook.target}' is on an input of a gradient that is differentiated again, "
                    "which is not supported. Apply its function to the gradient instead."
                )


def check_zeros(region: Region) -> None:
    """Refuse what makes a gradient of the zeros that PyTorch passes on behind `sign` and `fill_`: JAX has none."""
    alive = set[Value]().union(*(reached_from(one.roots, passing=True) for one in (region, *nested_in(region))))
    for hooked in region.hooks:
        hook = hooked.hook
        if hook.result is not None and hooked.value not in alive and not keeps_zeros(hook, hooked.edited.shape):
            raise ProgramError(
                f"The hook '{hook.target}' makes a gradient of zeros: its tensor was overwritten, or only the sign "
                "or the like is taken of it. PyTorch calls it with zeros there, and JAX does not call it. Let it "
                "give zeros for zeros."
            )
    calls = {value.call for value in region.body if isinstance(value, Result)}
    calls -= {value.call for value in alive if isinstance(value, Result)}
    for call in calls:
        if call.function.rule is not None and not is_linear(call.function.rule):
            raise ProgramError(
                f"The backward rule of '{call.function.target}', which is not linear, gets zeros: its result was "
                "overwritten, or only the sign or the like is taken of it. PyTorch calls it with zeros there, and "
                "JAX does not call it. Detach the result."
            )


def check_pieces(
    hooks: Iterable[HookedAt], pieces: Mapping[Value, tuple[Value, ...]], passed: Collection[Value]
) -> None:
    """Refuse a hook on one of several views, where only others of them are passed: PyTorch calls it with None."""
    for hooked in hooks:
        others = pieces.get(hooked.value, ())
        if hooked.hook.body and hooked.value not in passed and any(other in passed for other in others):
            raise ProgramError(
                f"The hook '{hooked.hook.target}' is on one of several views that an op returned at once, and this "
                "backward passes only others of them: PyTorch calls the hook with None. Take the view by an index."
            )


def check_ends(hooks: Collection[HookedAt], region: Region, passed: Collection[Value]) -> None:
    """Refuse a hook that PyTorch calls with None: behind a backward rule's None, or on an unused result."""
    if not hooks:
        return
    calls = {value.call for value in (*region.body, *region.roots) if isinstance(value, Result)}
    behind = behind_none(calls)
    for hooked in hooks:
        value = hooked.value
        unused = isinstance(value, Result) and value.call.function.rule is not None and value.call in calls
        if (unused or value in behind) and value not in passed and hooked.hook.result is not None:
            raise ProgramError(
                f"The hook '{hooked.hook.target}' would get None in PyTorch: a function with a backward rule gives "
                "its tensor no gradient, or another result of that function is the only one used. Remove the hook."
            )
