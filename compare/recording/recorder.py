"""Runs PyTorch code once and keeps what it did: every op, write, grad mode, hook and backward, in order.

A `TorchFunctionMode` sees the calls. What it does not see is recorded by other means: `Function.apply` and inference
mode by standing in for them while the recording runs, hooks by wrapping them. Numbers are never changed.
"""

from __future__ import annotations

import contextlib
import functools
import operator
import os
import sys
import sysconfig
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from compare.recording.calls import recognised_functions
from compare.recording.draws import CONSTANT_DRAWS, MASKED_DRAWS, draw_constants, draw_mask, draw_slopes
from compare.recording.events import (
    AskedTape,
    Called,
    Event,
    Filled,
    GradModeSet,
    Hooked,
    HookRun,
    InferenceModeEntered,
    InferenceModeLeft,
    Looked,
    Met,
    RanBackward,
    RuleRun,
    Site,
    Stepped,
    TookFunction,
    Unhooked,
)
from compare.recording.variables import LocalVariables, name_among

__all__ = ["Recorder"]

_OWN = str(Path(__file__).parents[1])
_SCRIPTS = str(Path(__file__).with_name("scripts.py"))
_USERS, _RUNNING, _PYTORCHS = "the user's", "what runs the recording", "of PyTorch, of Python or of this package"

LOOKS = frozenset(
    "item tolist numpy __array__ __dlpack__ __bool__ is_nonzero __float__ __int__ __index__ __complex__ __contains__ "
    "equal allclose data_ptr".split()
)
"""Methods that hand numbers to Python, which may branch on them."""

PASSIVE = frozenset(
    "size dim ndimension numel nelement stride storage_offset is_contiguous is_floating_point is_complex is_conj "
    "is_neg is_inference is_same_size element_size get_device is_set_to is_signed __len__ "
    "__repr__ __format__ __hash__ __dir__ _is_view result_type is_tensor typename get_default_dtype is_storage "
    "can_cast promote_types broadcast_shapes _is_zerotensor manual_seed seed initial_seed get_rng_state set_rng_state "
    "set_default_dtype set_num_threads is_grad_enabled record_function_enter __deepcopy__ __reduce_ex__ "
    "has_names storage_type _has_compatible_shallow_copy_type dim_order is_distributed module_load "
    "_record_function_enter_new _record_function_exit _typed_storage".split()
)
"""Functions that compute nothing that a program says."""

PASSIVE_PROPERTIES = frozenset(
    "shape dtype device layout ndim requires_grad is_leaf grad_fn names is_sparse is_quantized is_meta is_cuda is_mps "
    "is_xpu is_nested is_mkldnn is_vulkan is_ipu is_maia is_xla is_sparse_csr itemsize nbytes output_nr _version _base "
    "name retains_grad _backward_hooks _post_accumulate_grad_hooks is_cpu is_mtia volatile _cdata grad_dtype".split()
)

TAPE_FACTS = {
    "is_leaf": "is_leaf", "requires_grad": "requires_grad", "_version": "version", "grad_fn": "grad_fn",
    "retains_grad": "retains_grad",
}  # fmt: skip
"""Properties that only a tape has, and what the tape calls them."""
STORAGES = frozenset("storage untyped_storage".split())
DOORS = STORAGES | {"numpy", "__array__", "__dlpack__", "data_ptr"}
"""Methods through which memory can be written that no function of PyTorch is called for."""

DRAWS = frozenset(
    "rand randn randint randperm normal bernoulli multinomial poisson rand_like randn_like randint_like binomial "
    "_standard_gamma _sample_dirichlet".split()
)
"""Functions whose results are new random numbers, whatever tensors they take."""
MAKERS = DRAWS | frozenset(
    "zeros_like ones_like full_like empty_like new_zeros new_ones new_full new_empty new_tensor from_numpy "
    "frombuffer".split()
)
"""Functions whose results are new numbers: random, or such as a program writes down."""
RANDOM_FILLS = frozenset("uniform_ normal_ bernoulli_ exponential_ random_ cauchy_ log_normal_ geometric_".split())


@functools.cache
def _not_users() -> tuple[str, ...]:
    """Where the files are that are nobody's own code: PyTorch first."""
    import torch

    return str(Path(torch.__file__).parent), _OWN, sysconfig.get_path("stdlib"), "<frozen", "<string"


class Recorder:
    """Records one run, on the thread that enters it.

    Use: `recorder = Recorder(); with recorder.running(): ...; recorder.events`.
    """

    def __init__(self) -> None:
        import torch
        from torch.overrides import TorchFunctionMode

        self.torch = torch
        self.events: list[Event] = []
        self.known: dict[int, Any] = {}
        self.made: dict[int, Site] = {}
        self.drawn: dict[int, Any] = {}
        self.leaves: list[Any] = []
        self.versions: dict[int, int] = {}
        self._met: set[int] = set()
        self.taken: dict[int, TookFunction] = {}
        self.nodes: list[Any] = []
        self.thread = threading.get_ident()
        self.recording_outside = True
        self.inside_whole = False
        self._inference_blocks: list[Any] = []
        self.recognised = recognised_functions()
        self._not_users = _not_users()
        self._overrides = torch.overrides.__file__
        self._places: dict[int, str] = {}
        self._codes: list[types.CodeType] = []
        self._seen: dict[Any, Callable[..., Any]] = {}
        self._special = {
            torch.Tensor.backward: self._backward,
            torch.autograd.backward: self._backward,
            torch.autograd.grad: self._backward,
            torch._C._set_grad_enabled: self._set_grad_enabled,
            torch.Tensor.register_hook: self._register_hook,
            torch.Tensor.register_post_accumulate_grad_hook: self._register_accumulated_hook,
        }
        recorder = self

        class Mode(TorchFunctionMode):  # type: ignore[misc]  # torch is not read
            def __torch_function__(
                self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
            ) -> Any:
                take = recorder._seen.get(func)
                if take is None:
                    take = recorder._seen[func] = recorder._taker(func)
                return take(func, args, kwargs or {})

        self.variables = LocalVariables()
        self.mode = Mode()

    # ---- running ----

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Record what runs inside of the block. What it replaces in PyTorch, and blocks it leaves open, are undone."""
        with self._names_put_back(), self._standing_in(), self._steps_seen(), self._mode_entered():
            yield

    @contextlib.contextmanager
    def _steps_seen(self) -> Iterator[None]:
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        hook = register_optimizer_step_pre_hook(self._step)
        try:
            yield
        finally:
            hook.remove()

    @contextlib.contextmanager
    def _mode_entered(self) -> Iterator[None]:
        torch = self.torch
        beneath = torch._C._len_torch_dispatch_stack()
        self.mode.__enter__()
        try:
            yield
        finally:
            while torch._C._len_torch_dispatch_stack() > beneath:
                torch._C._pop_torch_dispatch_stack(None)
            for block in reversed(self._inference_blocks):
                block.__exit__(None, None, None)
            # Modes that were entered and never left lie above this one.
            while torch._C._len_torch_function_stack():
                if torch._C._pop_torch_function_stack() is self.mode:
                    break

    @contextlib.contextmanager
    def _names_put_back(self) -> Iterator[None]:
        """The proof runs in this process, too, and must find PyTorch as it was."""
        torch = self.torch
        modules = (torch, torch.functional, torch.nn.functional, torch.autograd, torch.linalg, torch.fft, torch.special)
        before = [(one, dict(vars(one))) for one in (torch.Tensor, *modules)]
        try:
            yield
        finally:
            for owner, names in before:
                if len(names) == len(vars(owner)) and all(map(operator.is_, names.values(), vars(owner).values())):
                    continue
                for name, now in [*vars(owner).items()]:
                    if name in names and now is not names[name]:
                        setattr(owner, name, names[name])
                    elif name not in names and owner is torch.Tensor and hasattr(torch.Tensor.__base__, name):
                        delattr(owner, name)  # it hid the inherited one

    @contextlib.contextmanager
    def _standing_in(self) -> Iterator[None]:
        """Stand in for what a function mode does not see. Everything is put back at the end."""
        torch = self.torch
        function, inference, functional = torch.autograd.Function, torch.inference_mode, torch.nn.functional
        before = [
            (function, "apply", function.__dict__["apply"]),
            (inference, "__enter__", inference.__dict__["__enter__"]),
            (inference, "__exit__", inference.__dict__["__exit__"]),
        ]
        names = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
        modules = (functional, torch.functional)
        before += [
            (module, name, getattr(module, name)) for module in modules for name in names if name in vars(module)
        ]
        expanded = {
            id(one.__code__)
            for module in modules
            for one in vars(module).values()
            if isinstance(one, types.FunctionType)
            and one not in self.recognised
            and getattr(module, one.__name__.removeprefix("_"), one) not in self.recognised  # _meshgrid is meshgrid
            and one.__name__ not in MASKED_DRAWS | {"rrelu"}
            and one.__module__.startswith("torch")
        }
        self._rules: list[tuple[Any, Any]] = []
        try:
            function.apply = classmethod(self._apply(before[0][2].__func__))
            inference.__enter__ = self._entering(before[1][2])
            inference.__exit__ = self._leaving(before[2][2])
            for owner, name, original in before[3:]:
                setattr(owner, name, self._checking(original, expanded))
            yield
        finally:
            for owner, name, original in before:
                setattr(owner, name, original)
            for kind, rule in self._rules:
                kind.backward = rule

    def _checking(self, original: Callable[..., bool], expanded: set[int]) -> Callable[..., bool]:
        """Python functions of PyTorch ask whether a mode wants them whole: only those that are recognised are."""

        def check(*arguments: Any) -> bool:
            return id(sys._getframe(1).f_code) not in expanded and original(*arguments)

        return check

    @property
    def active(self) -> bool:
        """Whether this is the thread that is recorded."""
        return threading.get_ident() == self.thread

    # ---- where we are ----

    def site(self) -> Site:
        """The innermost frames outside of PyTorch and of this package."""
        frame: types.FrameType | None = sys._getframe(2)
        found: list[tuple[types.CodeType, int]] = []
        places = self._places
        while frame is not None:
            code = frame.f_code
            place = places.get(id(code)) or self._place(code)
            if place is _USERS:
                found.append((code, frame.f_lasti))
                if len(found) == 4:
                    break
            elif place is _RUNNING:
                break
            frame = frame.f_back
        return tuple(found)

    def _frames(self) -> Iterator[types.FrameType]:
        """All frames of the run, the innermost first."""
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None and self._place_of(frame.f_code) is not _RUNNING:
            yield frame
            frame = frame.f_back

    def _users_frames(self) -> Iterator[types.FrameType]:
        return (one for one in self._frames() if self._place_of(one.f_code) is _USERS)

    def _place_of(self, code: types.CodeType) -> str:
        return self._places.get(id(code)) or self._place(code)

    def _place(self, code: types.CodeType) -> str:
        """Whose code this is. By id, because hashing code takes longer than all the rest; it is kept, so ids stay."""
        self._codes.append(code)
        file = code.co_filename
        place = _USERS if not file.startswith(self._not_users) else _RUNNING if file == _SCRIPTS else _PYTORCHS
        self._places[id(code)] = place
        return place

    # ---- calls ----

    def _taker(self, function: Any) -> Callable[..., Any]:
        """What takes the calls of one function."""
        special = self._special.get(function)
        if special is not None:
            return special
        name = getattr(function, "__name__", "")
        if name in ("__get__", "__set__", "__delete__"):
            of = function.__self__.__name__
            if of in TAPE_FACTS and name == "__get__":
                return self._ask
            if of in PASSIVE_PROPERTIES and name == "__get__":
                return self._pass
            if of == "requires_grad":
                return self._track
            if of == "_backward_hooks":
                return self._set_hooks
            if of == "grad":
                return self._get_grad if name == "__get__" else self._set_grad
            return self._data if of == "data" and name == "__get__" else self.record_call
        module = getattr(function, "__module__", None) or ""
        if name.partition(".")[0] in PASSIVE:
            return self._pass
        if name in ("requires_grad_", "retain_grad"):
            return self._track
        if name in LOOKS or name in STORAGES:
            return self._look
        if name in MAKERS:
            return self._pass_made
        if name in RANDOM_FILLS or module == "torch.nn.init":
            return self._fill
        if name in MASKED_DRAWS:
            return functools.partial(draw_mask, self)
        if name == "rrelu":
            return functools.partial(draw_slopes, self)
        return self._index if name in ("__getitem__", "__setitem__") else self.record_call

    def _step(self, optimizer: Any, arguments: Any, keywords: Any) -> None:
        """An optimizer of torch.optim is about to take a step; one of another making may mean anything by its words."""
        if self.active and type(optimizer).__module__.startswith("torch.optim."):
            groups = [
                {word: one for word, one in group.items() if word != "params"} for group in optimizer.param_groups
            ]
            self.variables.add("optimizer", optimizer)
            self.events.append(Stepped(type(optimizer).__name__, groups, self.site()))

    def _pass(self, function: Any, arguments: Any, keywords: Any) -> Any:
        return function(*arguments, **keywords)

    def _pass_made(self, function: Any, arguments: Any, keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        self.made[id(result)] = self.site()
        if function.__name__ in CONSTANT_DRAWS and result.requires_grad:
            draw_constants(self, result, (*arguments, *keywords.values()))
        elif function.__name__ in DRAWS:
            self.drawn[id(result)] = result
        return result

    def _track(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """From here on a backward may leave a gradient in this tensor."""
        result = self.record_call(function, arguments, keywords)
        self.leaves.append(arguments[0])
        return result

    def _set_hooks(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """Loading a tensor gives it no hooks in this way."""
        return (self.record_call if arguments[1] else self._pass)(function, arguments, keywords)

    def _get_grad(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """That the code asked an intermediate for a gradient and found none is a fact about the tape."""
        tensor = arguments[0]
        result = self.record_call(function, arguments, keywords)
        if result is None and not tensor.is_leaf and not self._caller(function).startswith(self._not_users):
            self.events.append(AskedTape("grad", tensor, self.site()))
        return result

    def _set_grad(self, function: Any, arguments: Any, keywords: Any) -> Any:
        before = arguments[0].grad
        copied = None if before is None or before.layout is not self.torch.strided else before.detach().clone()
        result = self.record_call(function, arguments, keywords)
        event = self.events[-1]
        if isinstance(event, Called) and event.function is function:
            event.before = copied
        return result

    def record_call(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """Call a function, and record that it was called if a tensor takes part."""
        known = self.known
        tensors = False
        unknown = []
        tensor_type = self.torch.Tensor
        for one in arguments if not keywords else (*arguments, *keywords.values()):
            if isinstance(one, tensor_type):
                tensors = True
                if id(one) not in known:
                    unknown.append(one)
            elif type(one) in (list, tuple):
                found = self._inside(one)
                tensors = tensors or bool(found)
                unknown += [inner for inner in found if id(inner) not in known]
        if not tensors:
            result = function(*arguments, **keywords)
            if isinstance(result, tensor_type):
                self.made[id(result)] = self.site()
            return result
        if unknown:
            name = getattr(function, "__name__", "")
            writes = (name.endswith("_") and not name.endswith("__")) or name == "__setitem__"
            initialises = not unknown[0].requires_grad or self._caller(function).startswith(self._not_users[0])
            if writes and unknown[0] is arguments[0] and initialises and len(self._inside(arguments)) == 1:
                # Nothing knows this tensor yet: its numbers are taken when something does.
                return function(*arguments, **keywords)
        site = self.site()
        for one in unknown:
            self.meet(one, site)
        # What a function that is taken whole makes use of inside is no business of the program.
        before, self.inside_whole = self.inside_whole, self.inside_whole or function in self.recognised
        try:
            result = function(*arguments, **keywords)
        finally:
            self.inside_whole = before
        self.know(result)
        copied = tuple([list(one) if type(one) is list else one for one in arguments])
        self.events.append(Called(function, copied, keywords, result, site))
        return result

    def _index(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """A tensor without dimensions indexes as the number in it does: what it names is a view."""
        index = arguments[1]
        items = index if isinstance(index, tuple) else (index,)
        if any(self._is_number(one) for one in items):
            with self.torch._C.DisableTorchFunction():
                numbers = tuple(int(one) if self._is_number(one) else one for one in items)
            site = self.site()
            for one in items:
                if self._is_number(one) and id(one) in self.known:
                    self.events.append(Looked("index", one, None, site))
            arguments = (arguments[0], numbers if isinstance(index, tuple) else numbers[0], *arguments[2:])
        return self.record_call(function, arguments, keywords)

    def _is_number(self, value: Any) -> bool:
        torch = self.torch
        return isinstance(value, torch.Tensor) and not value.dim() and value.dtype in (torch.int64, torch.int32)

    def _inside(self, items: Any) -> list[Any]:
        found = []
        for one in items:
            if isinstance(one, self.torch.Tensor):
                found.append(one)
            elif type(one) in (list, tuple):
                found += self._inside(one)
        return found

    def _is_tensor(self, value: Any) -> bool:
        return isinstance(value, self.torch.Tensor)

    def called(self, function: Any, arguments: tuple[Any, ...], result: Any, site: Site) -> Any:
        """Record that this call gave this result, which it returns."""
        self.know(result)
        self.events.append(Called(function, arguments, {}, result, site))
        return result

    def know(self, result: Any) -> None:
        """From here on these tensors are known, and kept."""
        if isinstance(result, self.torch.Tensor):
            if id(result) not in self.known:
                self.known[id(result)] = result
                if not result.is_inference():
                    self.versions[id(result)] = result._version
        elif isinstance(result, list | tuple):
            for one in result:
                self.know(one)

    def meet(self, tensor: Any, site: Site, hint: str = "") -> None:
        """Take the numbers of a tensor that was not seen being made."""
        if id(tensor) in self.known:
            return
        self.known[id(tensor)] = tensor
        self._met.add(id(tensor))
        values = stale = None
        if (
            tensor.layout is self.torch.strided
            and tensor.device.type == "cpu"
            and not tensor.is_nested
            and not self._is_wrapped(tensor)
        ):
            with self.torch._C.DisableTorchFunction():
                values = tensor.detach().clone()
                if tensor.is_leaf and tensor.grad is not None:
                    stale = tensor.grad
        if stale is not None:
            self.meet(stale, site, "grad_before")
        place = self.made.get(id(tensor), site)
        tracked, leaf, drawn = tensor.requires_grad, tensor.is_leaf, self.drawn.get(id(tensor)) is tensor
        if tracked and leaf:
            self.leaves.append(tensor)
        if not tensor.is_inference():
            self.versions[id(tensor)] = tensor._version
        if isinstance(tensor, self.torch.nn.Parameter):
            self.variables.look_for(tensor, self._frames())
        variable = name_among(tensor, self._users_frames())
        self.events.append(Met(tensor, values, tracked, leaf, stale, place, hint, drawn, variable))

    def _is_wrapped(self, tensor: Any) -> bool:
        return bool(self.torch._C._functorch.is_functorch_wrapped_tensor(tensor))

    def _data(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """`.data` of a tensor that nothing knows yet: most often it is about to be filled."""
        if id(arguments[0]) not in self.known:
            return function(*arguments, **keywords)
        return self.record_call(function, arguments, keywords)

    def _ask(self, function: Any, arguments: Any, keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        code = sys._getframe(2).f_code
        if (self._places.get(id(code)) or self._place(code)) is _USERS:
            site = self.site()
            self.meet(arguments[0], site)
            self.events.append(AskedTape(TAPE_FACTS[function.__self__.__name__], arguments[0], site))
        return result

    def _look(self, function: Any, arguments: Any, keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        tensor = arguments[0] if arguments else next(iter(keywords.values()))
        if self._own_business(tensor, self._caller(function)):
            return result
        looked = Looked(function.__name__, tensor, result, self.site())
        if looked.word in DOORS and id(tensor) in self.known and not tensor.is_inference():
            looked.values = tensor.detach().clone()
        self.events.append(looked)
        return result

    def _caller(self, function: Any) -> str:
        """The file that called a function of PyTorch, which may be Python itself."""
        frame, own = sys._getframe(3), getattr(function, "__code__", None)
        while frame.f_back is not None and (frame.f_code is own or frame.f_code.co_filename == self._overrides):
            frame = frame.f_back
        return frame.f_code.co_filename

    def _own_business(self, tensor: Any, caller: str) -> bool:
        """Whether PyTorch itself looks, and at nothing that the code computed: an optimizer at its step, for one."""
        if not caller.startswith(self._not_users[0]):
            return False
        computed = id(tensor) in self.known and id(tensor) not in self._met
        return not computed or os.sep + "optim" + os.sep not in caller

    def _fill(self, function: Any, arguments: Any, keywords: Any) -> Any:
        tensor: Any = arguments[0] if arguments else next(iter(keywords.values()), None)
        result = function(*arguments, **keywords)
        if id(tensor) in self.known:
            self.events.append(Filled(tensor, tensor.detach().clone(), self.site()))
        return result

    # ---- grad modes ----

    def _set_grad_enabled(self, function: Any, arguments: Any, keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        self.events.append(GradModeSet(self.torch.is_grad_enabled(), self.site()))
        return result

    def _entering(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def enter(block: Any) -> Any:
            if self.active:
                self.events.append(InferenceModeEntered(block.mode, self.site()))
                self._inference_blocks.append(block)
            return original(block)

        return enter

    def _leaving(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def leave(block: Any, *error: Any) -> Any:
            if self.active:
                self.events.append(InferenceModeLeft(self.site()))
                self._inference_blocks.remove(block)
            return original(block, *error)

        return leave

    # ---- backward and hooks ----

    def _backward(self, function: Any, arguments: Any, keywords: Any) -> Any:
        site = self.site()
        for one in self._inside((arguments, tuple(keywords.values()))):
            self.meet(one, site)
        copied = tuple(tuple(one) if isinstance(one, list | types.GeneratorType) else one for one in arguments)
        keywords = {name: tuple(one) if isinstance(one, list) else one for name, one in keywords.items()}
        ran = RanBackward(function, copied, keywords, site)
        self.events.append(ran)
        self.recording_outside = self.torch.is_grad_enabled()
        before, count = self._gradients(), len(self.events)
        try:
            ran.result = function(*copied, **keywords)
        except BaseException as error:
            ran.error = type(error).__name__
            ran.changed = before != self._gradients() or len(self.events) > count
            raise
        self.know(ran.result)
        ran.numbers = tuple(one.detach().clone() for one in self._inside((ran.result,)))
        return ran.result

    def _gradients(self) -> list[tuple[int, int]]:
        """What a backward changes: which tensor every `.grad` is, and how often it was written."""
        held = [one.grad for one in self.leaves]
        return [(id(one), 0 if one is None or one.is_inference() else one._version) for one in held]

    @contextlib.contextmanager
    def _aside(self) -> Iterator[list[Event]]:
        """Events inside of the block are kept apart."""
        outer, self.events = self.events, []
        try:
            yield self.events
        finally:
            self.events = outer

    def _register_hook(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        site = self.site()
        tensor, hook = (*arguments, *keywords.values())
        self.meet(tensor, site)
        registered = Hooked(tensor, getattr(hook, "__name__", "hook"), site)

        @functools.wraps(hook)
        def seen(cotangent: Any) -> Any:
            self.known[id(cotangent)] = cotangent
            with self._aside() as events, self.mode:
                result = hook(cotangent)
            registered.runs.append(HookRun(cotangent, events, result))
            return result

        handle = function(tensor, seen)
        self.events.append(registered)
        remove = handle.remove

        def removed() -> None:
            self.events.append(Unhooked(registered, self.site()))
            remove()

        handle.remove = removed
        return handle

    def _register_accumulated_hook(self, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """What such a hook does comes after the accumulation, so that its events follow the backward's."""
        tensor, hook = (*arguments, *keywords.values())
        self.meet(tensor, self.site())

        @functools.wraps(hook)
        def seen(leaf: Any) -> Any:
            self.events.append(GradModeSet(self.torch.is_grad_enabled(), ()))
            with self.mode:
                result = hook(leaf)
            self.events.append(GradModeSet(self.recording_outside, ()))
            return result

        return function(tensor, seen)

    # ---- custom functions ----

    def _apply(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def apply(kind: Any, *arguments: Any, **keywords: Any) -> Any:
            if not self.active or self.inside_whole:
                return original(kind, *arguments, **keywords)
            site = self.site()
            for one in self._inside(arguments):
                self.meet(one, site)
            self._stand_in_for_rule(kind)
            with self._aside() as events:
                result = original(kind, *arguments, **keywords)
            self.know(result)
            taken = TookFunction(kind, arguments, events, result, site)
            results = [one for one in (result if isinstance(result, tuple) else (result,)) if self._is_tensor(one)]
            with self.torch._C.DisableTorchFunction():
                nodes = [one.grad_fn for one in results if one.grad_fn is not None]
                if nodes:
                    self.taken[id(nodes[0])] = taken
                    self.nodes.append(nodes[0])
                    taken.non_differentiable = tuple(one for one in results if not one.requires_grad)
            self.events.append(taken)
            return result

        return apply

    def _stand_in_for_rule(self, kind: Any) -> None:
        if any(known is kind for known, _ in self._rules):
            return
        described = kind.__dict__.get("backward")
        if described is None:
            return
        rule = kind.backward
        self._rules.append((kind, described))

        @functools.wraps(rule)
        def seen(ctx: Any, *cotangents: Any) -> Any:
            for one in self._inside(cotangents):
                self.known[id(one)] = one
            with self._aside() as events, self.mode:
                result = rule(ctx, *cotangents)
            taken = self.taken.get(id(ctx))
            if taken is not None:
                saved = tuple(getattr(ctx, "saved_tensors", ()))
                taken.once_differentiable = hasattr(rule, "__wrapped__")
                taken.rules.append(RuleRun(cotangents, saved, events, result))
            return result

        kind.backward = staticmethod(seen)
