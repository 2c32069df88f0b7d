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
import weakref
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
    Seen,
    Site,
    Unhooked,
)
from compare.recording.function_calls import FunctionCalls
from compare.recording.optimizer_calls import OptimizerCalls
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

SMALL = 16_384
"""Bytes of memory up to which every tensor in it is kept."""

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


@functools.cache
def _mode_class() -> Any:
    """The function mode that hands a recorder what it sees."""
    from torch.overrides import TorchFunctionMode

    class Mode(TorchFunctionMode):  # type: ignore[misc]  # torch is not read
        def __init__(self, recorder: Recorder) -> None:
            super().__init__()
            self.recorder = recorder

        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            recorder = self.recorder
            take = recorder._seen.get(func)
            if take is None:
                take = recorder._seen[func] = recorder._taker(func)
            return take(func, args, kwargs or {})

    return Mode


@functools.cache
def _expanded() -> frozenset[int]:
    """By id, the code of the Python functions of PyTorch that are no row and no composite: they are seen within."""
    import torch

    recognised = recognised_functions()
    return frozenset(
        id(one.__code__)
        for module in (torch.nn.functional, torch.functional)
        for one in vars(module).values()
        if isinstance(one, types.FunctionType)
        and one not in recognised
        and getattr(module, one.__name__.removeprefix("_"), one) not in recognised  # _meshgrid is meshgrid
        and one.__name__ not in MASKED_DRAWS | {"rrelu"}
        and one.__module__.startswith("torch")
    )


class Recorder:
    """Records one run, on the thread that enters it.

    Use: `recorder = Recorder(); with recorder.running(): ...; recorder.events`.

    Args: site: where all of it happens; None where the frames tell.
    """

    def __init__(self, *, site: Site | None = None) -> None:
        import torch
        from torch.multiprocessing.reductions import StorageWeakRef

        self.torch = torch
        self._storage_reference = StorageWeakRef
        self.events: list[Event] = []
        self.known: dict[int, Seen] = {}
        self.made: dict[int, tuple[weakref.ref[Any], Site, bool]] = {}
        self.leaves: list[Any] = []
        self._memories: dict[int, Any] = {}
        self.thread = threading.get_ident()
        self.recording_outside = True
        self.inside_whole = False
        self._at = site
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
        self.variables = LocalVariables()
        self.mode = _mode_class()(self)

    # ---- running ----

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Record what runs inside of the block. What it replaces in PyTorch, and blocks it leaves open, are undone."""
        with (
            self._names_put_back(),
            self._standing_in(),
            FunctionCalls(self).seen(),
            OptimizerCalls(self).seen(),
            self._mode_entered(),
        ):
            yield
        for seen in self.known.values():
            seen.tensor = seen.reference()

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
        before = [(one, vars(one).copy()) for one in (torch.Tensor, *modules)]
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
        inference, functional = torch.inference_mode, torch.nn.functional
        names = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
        standing = [
            (inference, "__enter__", inference.__dict__["__enter__"], self._entering),
            (inference, "__exit__", inference.__dict__["__exit__"], self._leaving),
            *(
                (module, name, getattr(module, name), self._checking)
                for module in (functional, torch.functional)
                for name in names
                if name in vars(module)
            ),
        ]
        try:
            for owner, name, original, make in standing:
                setattr(owner, name, make(original))
            yield
        finally:
            for owner, name, original, _ in standing:
                setattr(owner, name, original)

    def _checking(self, original: Callable[..., bool]) -> Callable[..., bool]:
        """Python functions of PyTorch ask whether a mode wants them whole: only those that are recognised are."""

        expanded = _expanded()

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
        if self._at is not None:
            return self._at
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

    def _pass(self, function: Any, arguments: Any, keywords: Any) -> Any:
        return function(*arguments, **keywords)

    def _pass_made(self, function: Any, arguments: Any, keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        if isinstance(result, self.torch.Tensor):
            self.made[id(result)] = weakref.ref(result), self.site(), False
            if function.__name__ in CONSTANT_DRAWS and result.requires_grad:
                draw_constants(self, result, (*arguments, *keywords.values()))
            elif function.__name__ in DRAWS:
                self.drew(result)
        return result

    def _track(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """From here on a backward may leave a gradient in this tensor."""
        result = self.record_call(function, arguments, keywords)
        tensor = arguments[0]
        self.leaves.append(tensor)
        seen = self.known.get(id(tensor))
        if seen is not None:
            seen.tensor, seen.leaf = tensor, tensor.is_leaf
        return result

    def _set_hooks(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """Loading a tensor gives it no hooks in this way."""
        return (self.record_call if arguments[1] else self._pass)(function, arguments, keywords)

    def _get_grad(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """That the code asked an intermediate for a gradient and found none is a fact about the tape."""
        tensor = arguments[0]
        result = self.record_call(function, arguments, keywords)
        if result is None and not tensor.is_leaf and not self._caller(function).startswith(self._not_users):
            self.events.append(AskedTape("grad", self.kept(tensor), self.site()))
        return result

    def _set_grad(self, function: Any, arguments: Any, keywords: Any) -> Any:
        copied = self.copied_gradient(arguments[0])
        result = self.record_call(function, arguments, keywords)
        event = self.events[-1]
        if isinstance(event, Called) and event.function is function:
            event.before = copied
        return result

    def copied_gradient(self, tensor: Any) -> Any:
        before = tensor.grad
        if before is None or before.layout is not self.torch.strided:
            return None
        return before.detach().clone() if before.requires_grad else before.clone()

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
                found = self.inside(one)
                tensors = tensors or bool(found)
                unknown += [inner for inner in found if id(inner) not in known]
        if not tensors:
            result = function(*arguments, **keywords)
            if isinstance(result, tensor_type):
                self.made[id(result)] = weakref.ref(result), self.site(), False
            return result
        if unknown:
            name = getattr(function, "__name__", "")
            writes = (name.endswith("_") and not name.endswith("__")) or name == "__setitem__"
            initialises = not unknown[0].requires_grad or self._caller(function).startswith(self._not_users[0])
            if writes and unknown[0] is arguments[0] and initialises and len(self.inside(arguments)) == 1:
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
        self.events.append(Called(function, *self._given(arguments, keywords), self.know(result), site))
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
                    self.events.append(Looked("index", self.kept(one), None, site))
            arguments = (arguments[0], numbers if isinstance(index, tuple) else numbers[0], *arguments[2:])
        return self.record_call(function, arguments, keywords)

    def _is_number(self, value: Any) -> bool:
        torch = self.torch
        return isinstance(value, torch.Tensor) and not value.dim() and value.dtype in (torch.int64, torch.int32)

    def inside(self, items: Any) -> list[Any]:
        """The tensors in nested lists and tuples."""
        found = []
        for one in items:
            if isinstance(one, self.torch.Tensor):
                found.append(one)
            elif type(one) in (list, tuple):
                found += self.inside(one)
        return found

    def called(self, function: Any, arguments: tuple[Any, ...], result: Any, site: Site) -> Any:
        """Record that this call gave this result, which it returns."""
        self.events.append(Called(function, self.kept(arguments), {}, self.know(result), site))
        return result

    def drew(self, tensor: Any) -> None:
        """The numbers of this tensor, which nothing knows yet, are random."""
        self.made[id(tensor)] = weakref.ref(tensor), self.site(), True

    def know(self, result: Any) -> Any:
        """From here on these tensors are known. Returns: the result, with what is kept of them in their places."""
        if isinstance(result, self.torch.Tensor):
            return self.known.get(id(result)) or self.see(result)
        if isinstance(result, list | tuple):
            return tuple([self.know(one) for one in result])
        return result

    def kept(self, value: Any) -> Any:
        """A value as an event holds it: with what is kept of the tensors in it, and with lists of its own."""
        if isinstance(value, self.torch.Tensor):
            return self.known.get(id(value)) or self._look_at(value, None)
        if type(value) in (list, tuple):
            return type(value)([self.kept(one) for one in value])
        return value

    def known_outside(self, value: Any) -> Any:
        """The same, where no call of PyTorch is being recorded; the tensors are known from here on."""
        with self.torch._C.DisableTorchFunction():
            return self.know(value)

    def _given(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a call, as an event holds them."""
        given = tuple([self.kept(one) for one in arguments])
        return given, {name: self.kept(one) for name, one in keywords.items()} if keywords else keywords

    def see(self, tensor: Any) -> Seen:
        """Know a tensor from here on, for as long as it lives: its id may be another's after that."""
        known, number = self.known, id(tensor)
        seen = known[number] = self._look_at(tensor, lambda _: known.pop(number, None))
        return seen

    def _look_at(self, tensor: Any, gone: Callable[[Any], Any] | None) -> Seen:
        """What is kept of a tensor. gone: called when the tensor is no more."""
        tracked, leaf, base = tensor.requires_grad, tensor.is_leaf, tensor._base
        shape, stride, offset, storage = (), (), 0, None
        needed = True
        try:
            version = tensor._version
        except RuntimeError:
            version = None  # nobody counts how often an inference tensor is written
        try:
            shape, stride, offset = tensor.shape, tensor.stride(), tensor.storage_offset()
            memory = tensor.untyped_storage()
            if 0 not in shape:
                address = memory.data_ptr()
                storage = self._memories.get(address)
                # Two that are alive at one address share it, be it through NumPy; one that is gone shares nothing.
                if storage is None or storage.expired():
                    storage = self._memories[address] = self._storage_reference(memory)
            needed = (tracked and leaf) or memory.nbytes() <= SMALL
        except RuntimeError:
            pass  # sparse, nested, wrapped by torch.func, or zeros without memory
        if base is not None:
            base = self.known.get(id(base))
        kept, reference = tensor if needed else None, weakref.ref(tensor, gone)
        return Seen(
            shape, tensor.dtype, tensor.layout, stride, offset, storage, version, base, tracked, leaf, kept, reference
        )

    def meet(self, tensor: Any, site: Site, hint: str = "", *, named: bool = False) -> None:
        """Take the numbers of a tensor that was not seen being made, and keep it.

        named: what holds it names it, so that no variable is looked for.
        """
        if id(tensor) in self.known:
            return
        values = stale = None
        with self.torch._C.DisableTorchFunction():
            seen = self.see(tensor)
            seen.tensor, seen.met = tensor, True
            if (
                tensor.layout is self.torch.strided
                and tensor.device.type == "cpu"
                and not tensor.is_nested
                and not self._is_wrapped(tensor)
            ):
                values = tensor.detach().clone()
                if seen.leaf and tensor.grad is not None:
                    stale = tensor.grad
        if stale is not None:
            self.meet(stale, site, "grad_before")
        made = self.made.get(id(tensor))
        place, drawn = made[1:] if made is not None and made[0]() is tensor else (site, False)
        if seen.tracked and seen.leaf:
            self.leaves.append(tensor)
        variable = ""
        if self._at is None:
            if isinstance(tensor, self.torch.nn.Parameter):
                self.variables.look_for(tensor, self._frames())
            if not (hint or named or self.variables.names(tensor)):  # these names go before
                variable = name_among(tensor, self._users_frames())
        self.events.append(Met(seen, values, self.kept(stale), place, hint, drawn, variable))

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
            self.events.append(AskedTape(TAPE_FACTS[function.__self__.__name__], self.kept(arguments[0]), site))
        return result

    def _look(self, function: Any, arguments: Any, keywords: Any) -> Any:
        result = function(*arguments, **keywords)
        tensor = arguments[0] if arguments else next(iter(keywords.values()))
        if self._own_business(tensor, self._caller(function)):
            return result
        looked = Looked(function.__name__, self.kept(tensor), result, self.site())
        if looked.word in DOORS and id(tensor) in self.known and not tensor.is_inference():
            looked.tensor.tensor, looked.values = tensor, tensor.detach().clone()
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
        seen = self.known.get(id(tensor))
        return seen is None or seen.met or os.sep + "optim" + os.sep not in caller

    def _fill(self, function: Any, arguments: Any, keywords: Any) -> Any:
        tensor: Any = arguments[0] if arguments else next(iter(keywords.values()), None)
        result = function(*arguments, **keywords)
        if id(tensor) in self.known:
            self.events.append(Filled(self.kept(tensor), tensor.detach().clone(), self.site()))
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
        for one in self.inside((arguments, tuple(keywords.values()))):
            self.meet(one, site)
        copied = tuple(tuple(one) if isinstance(one, list | types.GeneratorType) else one for one in arguments)
        keywords = {name: tuple(one) if isinstance(one, list) else one for name, one in keywords.items()}
        ran = RanBackward(function, *self._given(copied, keywords), site)
        self.events.append(ran)
        self.recording_outside = self.torch.is_grad_enabled()
        before, count = self._gradients(), len(self.events)
        try:
            result = function(*copied, **keywords)
        except BaseException as error:
            ran.error = type(error).__name__
            ran.changed = before != self._gradients() or len(self.events) > count
            raise
        ran.result = self.know(result)
        ran.numbers = tuple(one.detach().clone() for one in self.inside((result,)))
        return result

    def _gradients(self) -> list[tuple[int, int]]:
        """What a backward changes: which tensor every `.grad` is, and how often it was written."""
        held = [one.grad for one in self.leaves]
        return [(id(one), 0 if one is None or one.is_inference() else one._version) for one in held]

    @contextlib.contextmanager
    def aside(self) -> Iterator[list[Event]]:
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
        registered = Hooked(self.kept(tensor), getattr(hook, "__name__", "hook"), site)

        @functools.wraps(hook)
        def seen(cotangent: Any) -> Any:
            given = self.known_outside(cotangent)
            with self.aside() as events, self.mode:
                result = hook(cotangent)
            with self.torch._C.DisableTorchFunction():
                registered.runs.append(HookRun(given, events, self.kept(result)))
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
