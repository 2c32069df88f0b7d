"""Custom functions: what they computed, and what their backward rules did, without the ops inside of them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from compare.recording.events import RuleRun, TookFunction

if TYPE_CHECKING:
    from compare.recording.recorder import Recorder

__all__ = ["FunctionCalls"]


class FunctionCalls:
    """Stands in for `torch.autograd.Function.apply`, which no function mode sees, on behalf of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._taken: dict[int, TookFunction] = {}
        self._nodes: list[Any] = []  # alive, so that their ids stay their own
        self._rules: list[tuple[Any, Any]] = []

    @contextlib.contextmanager
    def seen(self) -> Iterator[None]:
        """Everything is put back at the end of the block."""
        function = self._recorder.torch.autograd.Function
        original = function.__dict__["apply"]
        try:
            function.apply = classmethod(self._applying(original.__func__))
            yield
        finally:
            function.apply = original
            for kind, rule in self._rules:
                kind.backward = rule
            self._rules.clear()

    def _applying(self, original: Callable[..., Any]) -> Callable[..., Any]:
        recorder = self._recorder
        torch = recorder.torch

        def apply(kind: Any, *arguments: Any, **keywords: Any) -> Any:
            if not recorder.active or recorder.inside_whole:
                return original(kind, *arguments, **keywords)
            site = recorder.site()
            for one in recorder.inside(arguments):
                recorder.meet(one, site)
            self._stand_in_for_rule(kind)
            with recorder.aside() as events:
                result = original(kind, *arguments, **keywords)
            results = [
                one for one in (result if isinstance(result, tuple) else (result,)) if isinstance(one, torch.Tensor)
            ]
            with torch._C.DisableTorchFunction():
                taken = TookFunction(kind, recorder.kept(arguments), events, recorder.know(result), site)
                nodes = [one.grad_fn for one in results if one.grad_fn is not None]
                if nodes:
                    self._taken[id(nodes[0])] = taken
                    self._nodes.append(nodes[0])
                    taken.non_differentiable = recorder.kept(tuple([one for one in results if not one.requires_grad]))
            recorder.events.append(taken)
            return result

        return apply

    def _stand_in_for_rule(self, kind: Any) -> None:
        if any(known is kind for known, _ in self._rules):
            return
        described = kind.__dict__.get("backward")
        if described is None:
            return
        recorder, rule = self._recorder, kind.backward
        self._rules.append((kind, described))

        @functools.wraps(rule)
        def seen(ctx: Any, *cotangents: Any) -> Any:
            given = recorder.known_outside(cotangents)
            with recorder.aside() as events, recorder.mode:
                result = rule(ctx, *cotangents)
            taken = self._taken.get(id(ctx))
            if taken is not None:
                taken.once_differentiable = hasattr(rule, "__wrapped__")
                with recorder.torch._C.DisableTorchFunction():
                    taken.rules.append(RuleRun(given, events, recorder.kept(result)))
            return result

        kind.backward = staticmethod(seen)
