"""Backward passes, and the gradients that tensors hold."""

from __future__ import annotations

import inspect
from typing import Any

from compare.errors import ProgramError
from compare.recording.calls import bare_name
from compare.recording.events import Called, RanBackward, Seen
from compare.recording.replay.notes import Notes
from compare.recording.replay.places import Naming
from compare.recording.replay.readings import Readings
from compare.recording.replay.tensors import Tensors
from compare.recording.replay.unseen import Unseen
from compare.tape import Site, recorded_at

__all__ = ["Gradients"]


class Gradients:
    """Computes gradients with the tape, and moves them."""

    def __init__(self, tensors: Tensors, readings: Readings, unseen: Unseen, naming: Naming, notes: Notes) -> None:
        self.tensors = tensors
        self.readings = readings
        self.unseen = unseen
        self.naming = naming
        self.notes = notes

    # ---- passes ----

    def run(self, event: RanBackward) -> None:
        """`backward` or `autograd.grad`. Raises ProgramError for one that failed halfway."""
        if event.error and event.changed:
            raise ProgramError(
                f"The backward pass raised {event.error} when it had already changed a gradient, and the run went on: "
                "what it had added by then is not known. Take the failing backward out."
            )
        if event.error:
            why = f"it raised {event.error}, which the code caught: nothing of it is translated"
            self.notes.note(event.site, "backward", why)
            return
        given = inspect.signature(event.function).bind(*event.arguments, **event.keywords)
        given.apply_defaults()
        if bare_name(event.function) == "grad":
            self._grad(event, given.arguments)
        else:
            self._backward(given.arguments)

    def _backward(self, said: dict[str, Any]) -> None:
        roots: tuple[Any, ...]
        gradients: tuple[Any, ...]
        if "self" in said:
            roots, gradients = (said["self"],), (said["gradient"],)
        else:
            roots = _several(said["tensors"])
            gradients = _several(said["grad_tensors"]) or (None,) * len(roots)
        for one in roots:
            root = self.tensors.of(one)
            if not root._name.startswith("_"):
                self.readings.observe(root, "value")
        inputs = _several(said["inputs"])
        create = bool(said["create_graph"])
        self.tensors.tape.backward(
            [self.tensors.of(one) for one in roots],
            [None if one is None else self.tensors.of(one) for one in gradients],
            inputs=[self.tensors.of(one) for one in inputs],
            retain_graph=bool(said["retain_graph"]) and not create,
            create_graph=create,
        )
        self.readings.got_gradients()

    def _grad(self, event: RanBackward, said: dict[str, Any]) -> None:
        if said.get("is_grads_batched"):
            raise ProgramError("autograd.grad with is_grads_batched is not modelled; call it once for each cotangent.")
        create = bool(said["create_graph"])
        made = self.tensors.tape.grad(
            [self.tensors.of(one) for one in _several(said["outputs"])],
            [self.tensors.of(one) for one in _several(said["inputs"])],
            [None if one is None else self.tensors.of(one) for one in _several(said["grad_outputs"])],
            retain_graph=bool(said["retain_graph"]) and not create,
            create_graph=create,
            allow_unused=bool(said["allow_unused"]),
            materialize_grads=bool(said["materialize_grads"]),
        )
        numbers = iter(event.numbers)
        for one, gradient in zip(event.result, made, strict=True):
            if one is not None:
                self.tensors.bind(one, gradient)
                self.readings.observe_value(one, next(numbers))

    # ---- what a tensor holds ----

    def get(self, event: Called) -> None:
        """`x.grad`, the first time that it is this tensor."""
        gradient, owner = event.result, self.tensors.of(event.arguments[0])
        self.unseen.gradient(gradient)
        if gradient is None or self.tensors.find(gradient) is not None:
            return
        tape, site = self.tensors.tape, self.naming.site(event.site)
        hint = site.hint or f"{tape._shown(owner._name)}_grad"
        with recorded_at(Site(site.line, hint, site.text)):
            self.tensors.bind(gradient, tape._grad(owner, named=True))

    def set(self, event: Called) -> None:
        """`x.grad = value`, or `del x.grad`: the life of the gradient that was there ends."""
        own, *given = event.arguments
        value = given[0] if given else None
        self.unseen.gradient(value)
        self.readings.read_gradient(own, event.before)
        self.tensors.of(own).grad = None if value is None else self.tensors.of(value)
        if value is not None:
            self.readings.got_gradient(own)


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, Seen) else tuple(value)
