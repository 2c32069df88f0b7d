"""What optimizers of PyTorch do: a step of its own kinds is one event, and so is each gradient that they drop."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from compare.recording.events import Called, Kept, Site, Stepped, Updated

if TYPE_CHECKING:
    from compare.recording.recorder import Recorder

__all__ = ["OptimizerCalls"]

WHOLE_STEPS = frozenset("SGD Adam AdamW RMSprop Adagrad".split())
"""Optimizers of torch.optim whose calls in a step are the same whatever numbers the gradients hold."""


class OptimizerCalls:
    """Stands in for the steps of optimizers and for `zero_grad`, on behalf of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    @contextlib.contextmanager
    def seen(self) -> Iterator[None]:
        """Everything is put back at the end of the block."""
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        optim = self._recorder.torch.optim
        kinds = [getattr(optim, name) for name in sorted(WHOLE_STEPS)]
        steps = [(kind, vars(kind).get("step"), self._stepping(kind.step)) for kind in kinds]
        zero_grad = optim.Optimizer.zero_grad
        hook = register_optimizer_step_pre_hook(self._step)
        try:
            optim.Optimizer.zero_grad = self._zeroing(zero_grad)
            for kind, _, step in steps:
                kind.step = step
            yield
        finally:
            hook.remove()
            optim.Optimizer.zero_grad = zero_grad
            for kind, original, _ in steps:
                if original is not None:
                    kind.step = original
                elif "step" in vars(kind):
                    del kind.step  # it hid the inherited one

    def _step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        """An optimizer of torch.optim is about to take a step; one of another making may mean anything by its words."""
        recorder = self._recorder
        if recorder.active and type(optimizer).__module__.startswith("torch.optim."):
            recorder.variables.add("optimizer", optimizer)
            recorder.events.append(Stepped(type(optimizer).__name__, _settings(optimizer), recorder.site()))

    def _stepping(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """A step is one event where its calls follow from its settings: see `compare.recording.steps`."""
        recorder = self._recorder
        torch = recorder.torch

        @functools.wraps(original)
        def step(optimizer: Any, *arguments: Any, **keywords: Any) -> Any:
            if arguments or keywords or not self._is_alone():
                return original(optimizer, *arguments, **keywords)
            with torch._C.DisableTorchFunction():
                site = recorder.site()
                kept = self._kept_for(optimizer, site) if self._is_whole(optimizer) else None
                if kept is not None:
                    settings = _settings(optimizer)
                    result = original(optimizer)
                    for parameter, one in kept:
                        for word, own in optimizer.state.get(parameter, {}).items():
                            if self._is_of_run(word, own):
                                one.after[word] = recorder.known.get(id(own)) or recorder.see(own)
                    told = [one for _, one in kept]
                    recorder.events.append(
                        Updated(type(optimizer).__name__, settings, told, torch.get_default_dtype(), site)
                    )
                    return result
            return original(optimizer)

        return step

    def _kept_for(self, optimizer: Any, site: Site) -> list[tuple[Any, Kept]] | None:
        """What a step has for each parameter with a gradient; None where something among it is no plain tensor."""
        recorder = self._recorder
        found = []
        for place, group in enumerate(optimizer.param_groups):
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                state = optimizer.state.get(parameter, {})
                if not all(one is None or self._is_plain(one) for one in (parameter, gradient, *state.values())):
                    return None
                recorder.meet(parameter, site)
                kept = Kept(place, recorder.known[id(parameter)], recorder.know(gradient))
                for word, own in state.items():
                    if self._is_of_run(word, own):
                        recorder.meet(own, site, named=True)
                        kept.before[word] = recorder.known[id(own)]
                    if word == "step":
                        kept.count = own.item(), own.dtype
                found.append((parameter, kept))
        return found

    def _is_of_run(self, word: str, own: Any) -> bool:
        """Whether a program says what this is. Only Python reads a count of steps, where the code leaves it alone."""
        return own is not None and (word != "step" or id(own) in self._recorder.known)

    def _zeroing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Gradients that are dropped, without a look at each of them first."""
        recorder = self._recorder
        torch = recorder.torch

        @functools.wraps(original)
        def zero_grad(optimizer: Any, *arguments: Any, **keywords: Any) -> Any:
            if arguments or keywords or not self._is_alone():
                return original(optimizer, *arguments, **keywords)
            with torch._C.DisableTorchFunction():
                site = recorder.site()
                for group in optimizer.param_groups:
                    for parameter in group["params"]:
                        recorder.meet(parameter, site)
                        if parameter.grad is not None:
                            given = recorder.known[id(parameter)], None
                            before = recorder.copied_gradient(parameter)
                            recorder.events.append(
                                Called(torch.Tensor.grad.__set__, given, {}, None, site, before=before)
                            )
                return original(optimizer)

        return zero_grad

    def _is_alone(self) -> bool:
        """Whether PyTorch runs here as it is: on the thread that is recorded, in no other mode, with history."""
        recorder = self._recorder
        torch, mode = recorder.torch, recorder.mode
        return (
            recorder.active
            and torch.is_grad_enabled()
            and not torch.is_inference_mode_enabled()
            and torch._C._len_torch_dispatch_stack() == 0
            and torch._C._len_torch_function_stack() == 1
            and torch._C._get_function_stack_at(0) is mode
        )

    def _is_whole(self, optimizer: Any) -> bool:
        """Whether nothing but the settings of an optimizer decides what it calls in a step."""
        from torch.optim import optimizer as hooks

        torch, kind = self._recorder.torch, type(optimizer)
        if (
            getattr(torch.optim, kind.__name__, None) is not kind
            or kind.__name__ not in WHOLE_STEPS
            or optimizer._optimizer_step_pre_hooks
            or optimizer._optimizer_step_post_hooks
            or len(hooks._global_optimizer_pre_hooks) > 1  # one is that of the recorder
            or hooks._global_optimizer_post_hooks
            or "grad_scale" in vars(optimizer)
            or "found_inf" in vars(optimizer)
        ):
            return False
        for group in optimizer.param_groups:
            if not all(word == "params" or _is_setting(one) for word, one in group.items()):
                return False
            if any(group.get(word) for word in ("differentiable", "capturable", "fused", "foreach")):
                return False
        return True

    def _is_plain(self, value: Any) -> bool:
        """A dense tensor in this memory, of no class with a mind of its own."""
        torch = self._recorder.torch
        return (
            type(value) in (torch.Tensor, torch.nn.Parameter)
            and value.layout is torch.strided
            and value.is_cpu
            and not value.is_inference()
        )


def _settings(optimizer: Any) -> list[dict[str, Any]]:
    return [{word: one for word, one in group.items() if word != "params"} for group in optimizer.param_groups]


def _is_setting(value: Any) -> bool:
    if type(value) in (tuple, list):
        return all(_is_setting(one) for one in value)
    return value is None or type(value) in (bool, int, float, str)
