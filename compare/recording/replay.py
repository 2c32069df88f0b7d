"""From the events of a run to a tape program: what PyTorch did is done to a tape, and the tape records it.

The tape knows shapes, dtypes, storages and versions by its own rules. Where these say anything else than the tensors of
the run, the recording is refused: the two would not be the same program.
"""

from __future__ import annotations

import inspect
import linecache
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import CodeType, SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from compare.errors import CompareError, ProgramError, shown_path
from compare.ops import OPS, Op
from compare.program import Program
from compare.recording.calls import Recognised, bare_name, described, find_composite, is_known, recognise
from compare.recording.events import (
    AskedTape,
    Called,
    Event,
    Filled,
    GradModeSet,
    Hooked,
    InferenceModeEntered,
    InferenceModeLeft,
    Looked,
    Met,
    RanBackward,
    Recording,
    RuleRun,
    Seen,
    Stepped,
    TookFunction,
    Unhooked,
    Updated,
)
from compare.recording.events import Site as Place
from compare.recording.optimizers import optax_equivalent
from compare.recording.steps import calls_of
from compare.results import Specialised
from compare.statements import (
    Apply,
    EnterGradMode,
    ExitGradMode,
    ItemWrite,
    Leaf,
    Member,
    Read,
    RequiresGrad,
    Write,
    used,
)
from compare.tape import Reading, Site, Tape, Tensor, assigned_name, assigned_names, recorded_at, usable_name

__all__ = ["FinalGradient", "RecordingRefusedError", "Replayed", "replay", "replay_as_function"]


class RecordingRefusedError(CompareError):
    """A run that no tape program says exactly. Names what it is, its file and line, and the remedy."""


@dataclass(frozen=True)
class FinalGradient:
    """The gradient that a tensor of the run holds at its end."""

    of: Any


@dataclass
class Replayed:
    """The program of a run, and what to hold it against.

    final: by observation name, the tensor of the run that has to show the same number when the program has ended.
    """

    program: Program
    specialised: list[Specialised]
    final: dict[str, Any]


def replay(recording: Recording, *, id: str, title: str, as_pytorch: bool = False) -> Replayed:
    """Record a run on a tape. Raises RecordingRefusedError.

    Args: as_pytorch: where a function is a row and a composite, too, take the composite: it has PyTorch's own slope
        at a kink.
    """
    return _Replay(recording.dtype, recording.by_seen(recording.names), as_pytorch=as_pytorch).program(
        recording, id, title
    )


def replay_as_function(
    recording: Recording, arguments: Sequence[Any], *, id: str, title: str
) -> tuple[Program, list[int]]:
    """A program whose one backward is that of the run's results with respect to the tensors among its arguments.

    Returns: the program, and for each of its leaves, in order, the place of the argument that it is.

    What else the run reads, parameters included, is a constant. Raises RecordingRefusedError where the run computes
    gradients of its own, or where its results do not depend on the arguments.
    """
    return _Replay(recording.dtype, recording.by_seen(recording.names)).function(recording, arguments, id, title)


# ---- places ----


def _line_of(code: CodeType, instruction: int) -> int:
    positions = list(code.co_positions())
    return positions[instruction // 2][0] or code.co_firstlineno if instruction // 2 < len(positions) else 0


def _frames(place: Place) -> Any:
    """Frames as `executing` reads them; the innermost, with its callers behind it."""
    back = None
    for code, instruction in reversed(place):
        line = _line_of(code, instruction)
        back = SimpleNamespace(f_code=code, f_lasti=instruction, f_lineno=line, f_globals={}, f_back=back)
    return back


class _Sites:
    """The lines and names of places, each looked up once."""

    def __init__(self) -> None:
        self.found: dict[Place, Site] = {}

    def of(self, place: Place) -> Site:
        if place not in self.found:
            self.found[place] = self._look_up(place)
        return self.found[place]

    def _look_up(self, place: Place) -> Site:
        frame = _frames(place)
        if frame is None:
            return Site(0, None, "")
        text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        return Site(frame.f_lineno, assigned_name(frame), text, assigned_names(frame))


def _where(place: Place) -> str:
    """`file.py:12`, or an empty text where nothing is known."""
    if not place:
        return ""
    code, instruction = place[0]
    return f"{shown_path(code.co_filename)}:{_line_of(code, instruction)}"


# ---- the replay ----

CASTS = frozenset("to float double half bfloat16 long int short bool type type_as cfloat cdouble".split())
SEVERAL = frozenset({"axes", "repetitions", "shape", "widths"})
"""Attributes that are tuples; PyTorch takes one number for a tuple of one."""
MAY_DO_NOTHING = CASTS | frozenset(
    "contiguous resolve_conj resolve_neg cpu conj real.__get__ atleast_1d atleast_2d atleast_3d to_dense as_tensor "
    "asarray".split()
)
SHAPES_IN_PLACE = frozenset("t_ transpose_ swapaxes_ swapdims_ squeeze_ unsqueeze_".split())
"""Methods that make the tensor itself a view of what it was."""
SEVERAL_VIEWS = {"unbind": "unstack", "split": "split", "split_with_sizes": "split", "chunk": "chunk"}
COPIES = frozenset("tensor as_tensor asarray".split())
NARROW = frozenset("int8 int16 int32".split())
"""Dtypes of positions and labels, read as int64 is; what is computed from some, and would be one, is refused."""
RANDOM_NOTE = (
    "random numbers are recorded as data; in JAX draw them: `jax.random.normal(key, shape)` with "
    "`key = jax.random.key(seed)`"
)
SIGNS_NOTE = (
    "eigenvectors and singular vectors are determined up to a sign (a phase, if complex) that each library chooses, "
    "perhaps another one for another matrix or on another machine; use what no choice changes, such as abs(v)"
)
WORDS = frozenset(
    "detach detach_ data.__get__ data.__set__ grad.__get__ grad.__set__ grad.__delete__ requires_grad_ "
    "requires_grad.__set__ retain_grad contiguous __getitem__ __setitem__ alias positive "
    "T.__get__ to_sparse to_dense".split()
)


class _Replay:
    def __init__(
        self, dtype: str, names: dict[int, str], tape: Tape | None = None, *, as_pytorch: bool = False
    ) -> None:
        import torch

        self.torch = torch
        self.tape = tape or Tape(dtype=dtype, as_pytorch=as_pytorch)
        self.as_pytorch = as_pytorch
        self.names = names
        self.members: dict[int, Member] = {}
        self.state: dict[int, str] = {}
        self.handles: dict[int, Tensor] = {}
        self.kept: list[Any] = []
        self.storages: dict[int, list[Any]] = {}
        # Tensors whose memory will be exchanged: where they are at the end is not where they are now.
        self.moving: set[int] = set()
        # Sparse tensors, each as the dense one that it stands for.
        self.sparse: dict[int, Tensor] = {}
        # Tensors whose shape will be changed in place: it is not yet what it is at the end.
        self.reshaped: set[int] = set()
        self.written_storages: set[int] = set()
        self.doubtful: dict[int, str] = {}
        # The only tensors that are differentiated, where the run becomes a function of its arguments.
        self.parameters: set[int] | None = None
        self.sites = _Sites()
        self.blocks: list[tuple[str, bool]] = []
        self.enabled = True
        self.hooks: dict[int, Any] = {}
        self.specialised: dict[tuple[int, str], Specialised] = {}
        self.final: dict[str, Any] = {}
        self.leaves: dict[int, Any] = {}
        self.written: dict[int, Any] = {}
        self.unread: dict[int, Any] = {}
        self.random: list[int] = []
        self.unnamed: Callable[[], str] | None = None
        self.functions: dict[Any, list[tuple[Any, Any]]] = {}
        self.met: dict[int, Met] = {}
        self.branches: dict[tuple[int, str], list[bool]] = {}
        self.doors: list[tuple[Looked, int]] = []
        self.gradients: set[int] = set()
        self.widened: set[int] = set()

    # ---- the whole ----

    def program(self, recording: Recording, name: str, title: str) -> Replayed:
        self.check_known(recording.events)
        self.members, self.state = recording.by_seen(recording.members), recording.by_seen(recording.state)
        self.moving = {
            id(one.arguments[0])
            for one in recording.events
            if isinstance(one, Called) and bare_name(one.function) == "data.__set__"
        }
        self.find_reshaped(recording.events)
        self.play(recording.events)
        self.check_nothing_unseen()
        self.end([recording.known.get(id(one)) for one in recording.results])
        try:
            program = self.tape.program(name, title)
        except ProgramError as error:
            raise RecordingRefusedError(str(error)) from error
        self.note_choices(program)
        notes = sorted(self.specialised.values(), key=lambda one: one.line)
        return Replayed(program, notes, self.final)

    def function(
        self, recording: Recording, arguments: Sequence[Any], name: str, title: str
    ) -> tuple[Program, list[int]]:
        if any(isinstance(one, RanBackward) for one in recording.events):
            raise RecordingRefusedError(
                "The function computes gradients itself, so that it is no plain function of its arguments. Return the "
                "loss, and differentiate that."
            )
        self.check_known(recording.events)
        given = [recording.known.get(id(one)) for one in arguments]
        self.parameters = {id(one) for one in given}
        self.find_reshaped(recording.events)
        self.play(recording.events)
        self.close_all()
        roots = [self.handles.get(id(recording.known.get(id(one)))) for one in recording.results]
        facts = self.tape._facts
        known = [one for one in roots if one is not None and facts.handle(one._name).requires_grad]
        if not known or len(known) < len(roots):
            raise RecordingRefusedError("A result of the function does not depend on a tensor among its arguments.")
        with recorded_at(Site(0, None, "")):
            ones = [
                self.tape.constant(np.ones(one.shape), dtype=one.dtype_name) if one.shape else None for one in known
            ]
            self.tape.backward(known, ones)
            for leaf in self.leaves.values():
                self.observe(self.tensor(leaf), "grad")
        places = {id(one): place for place, one in enumerate(given)}
        try:
            return self.tape.program(name, title), [places[leaf] for leaf in self.leaves]
        except ProgramError as error:
            raise RecordingRefusedError(str(error)) from error

    def check_known(self, events: Sequence[Event]) -> None:
        """Refuse every function that has no row, all of them at once."""
        unknown: dict[str, list[str]] = {}
        for event in self._called(events):
            name = bare_name(event.function)
            if name in WORDS or name in CASTS or name in SEVERAL_VIEWS or name in COPIES:
                continue
            event = self.without_out(event)
            if find_composite(event.function) is None and self._recognised(event) is None:
                shown = described(event.function)
                given = self._plain_arguments(event) if is_known(event.function) else ""
                places = unknown.setdefault(f"{shown}({given})" if given else shown, [])
                place = _where(event.site)
                if place and place not in places:
                    places.append(place)
        if unknown:
            lines = [
                f"  {name}  {', '.join(places[:3])}{', ...' * (len(places) > 3)}" for name, places in unknown.items()
            ]
            raise RecordingRefusedError(
                f"The vocabulary has no row for {'this call' if len(lines) == 1 else f'these {len(lines)} calls'}:\n"
                + "\n".join(lines)
                + "\nAdd a row to compare/ops/ for each (or a composite to compare/composites/), or write the "
                "computation with other functions."
            )

    def _called(self, events: Sequence[Event]) -> Iterator[Called]:
        for event in events:
            if isinstance(event, Called):
                if not self._is_nothing(event):
                    yield event
            elif isinstance(event, Updated):
                yield from self._called(calls_of(event))
            elif isinstance(event, TookFunction):
                yield from self._called(event.events)
                for run in event.rules[:1]:
                    yield from self._called(run.events)
            elif isinstance(event, Hooked):
                for one in event.runs[:1]:
                    yield from self._called(one.events)

    def find_reshaped(self, events: Sequence[Event]) -> None:
        called = self._called(events)
        self.reshaped = {id(one.arguments[0]) for one in called if bare_name(one.function) in SHAPES_IN_PLACE}

    def _recognised(self, event: Called) -> Recognised | None:
        return recognise(event.function, event.arguments, event.keywords)

    def _plain_arguments(self, event: Called) -> str:
        """What a call says beside tensors: its row has no room for one of these."""
        plain = (bool, int, float, str, type(None))
        said = [repr(one) if isinstance(one, plain) else "..." for one in event.arguments]
        said += [f"{name}={one!r}" for name, one in event.keywords.items() if isinstance(one, plain)]
        return ", ".join(said)

    def _is_nothing(self, event: Called) -> bool:
        """A call that had nothing to do, and returned the very tensor it got: `x.to(x.dtype)`."""
        return (
            bare_name(event.function) in MAY_DO_NOTHING and bool(event.arguments) and event.result is event.arguments[0]
        )

    def play(self, events: Sequence[Event]) -> None:
        for event in events:
            place = event.site
            try:
                with recorded_at(self.named_site(event)):
                    self.take(event)
            except RecordingRefusedError:
                raise
            except CompareError as error:
                at = _where(place)
                raise RecordingRefusedError(f"{at}: {error}" if at else str(error)) from error

    def site(self, place: Place) -> Site:
        found = self.sites.of(place)
        if self.unnamed is not None:
            hint = self.unnamed() if found.hint is None else found.hint
            return Site(found.line, self._unique(hint), found.text, ())
        return found

    def named_site(self, event: Event) -> Site:
        """Where an event happened. What an optimizer makes to keep has a name of its own."""
        site = self.site(event.site)
        own = self.state.get(id(event.result)) if isinstance(event, Called) else None
        return site if own is None or site.hint is not None else replace(site, hint=usable_name(own))

    def _unique(self, hint: str) -> str:
        taken = self.tape._hints
        return next(one for n in range(1, 10_000) if (one := hint if n == 1 else f"{hint}_{n}") not in taken)

    def note(self, place: Place, text: str, why: str) -> None:
        line = self.sites.of(place).line
        self.specialised.setdefault((line, text), Specialised(line, text, why))

    def note_choices(self, program: Program) -> None:
        """Say where the run goes on with vectors of either sign: another machine may choose the other one."""
        names = {
            name for statement in program.statements if not isinstance(statement, Read) for name in used(statement)
        }
        for one in program.statements:
            if isinstance(one, Apply) and OPS[one.op].ambiguous and one.target in names:
                self.specialised.setdefault((one.line, "signs"), Specialised(one.line, "signs", SIGNS_NOTE))

    # ---- events ----

    def take(self, event: Event) -> None:
        match event:
            case Met():
                self.meet(event)
            case Called():
                self.call(event)
            case GradModeSet():
                self.set_grad_mode(event)
            case InferenceModeEntered():
                self.open("inference_mode", event.flag, event.site)
            case InferenceModeLeft():
                self.close(event.site)
            case Filled():
                self.fill(event)
            case RanBackward():
                self.backward(event)
            case Hooked():
                self.hook(event)
            case Unhooked():
                hook = self.hooks.get(id(event.hook))
                if hook is not None:
                    hook.remove()
            case TookFunction():
                self.take_function(event)
            case Looked():
                self.look(event)
            case Stepped():
                self.step(event)
            case Updated():
                self.play(calls_of(event))
            case AskedTape():
                self.observe(self.tensor(event.tensor), event.what)

    def tensor(self, value: Any) -> Tensor:
        found = self.handles.get(id(value))
        if id(value) in self.sparse:
            raise ProgramError("A sparse tensor is modelled from to_sparse to to_dense only. Compute with dense ones.")
        if found is None:
            raise ProgramError(
                f"A tensor of shape {list(value.shape)} is used here that was made where the recording does not see "
                "it: inside a hook, a backward rule or a compiled function. Compute it in the open, or hand it over "
                "with detach().clone()."
            )
        return found

    def bind(self, value: Any, handle: Tensor) -> None:
        """From here on a tensor of the run is this one of the tape. Raises ProgramError where the two are not alike."""
        known = self.tape._facts.handle(handle._name, history=False)
        shape, dtype = tuple(value.shape), self.dtype(value.dtype)
        if dtype in (*NARROW, "uint8") and id(value.storage) in self.widened:
            dtype = "int64"
        if id(value) in self.reshaped:
            shape = known.shape
        if (known.shape, known.dtype) != (shape, dtype):
            raise ProgramError(
                f"PyTorch made a {dtype}{list(shape)} here, and the row says {known.dtype}{list(known.shape)}. "
                "Cast the operands so that they have one dtype, or mend the row."
            )
        self.handles[id(value)] = handle
        self.kept.append(value)
        if value.storage is not None and id(value) not in self.moving:
            self.storages.setdefault(id(value.storage), []).append(value)

    def dtype(self, dtype: Any) -> str:
        return str(dtype).removeprefix("torch.")

    # ---- tensors from outside ----

    def meet(self, event: Met) -> None:
        seen = event.tensor
        tensor = seen.tensor
        if event.values is None:
            what = "a wrapped tensor of torch.func" if tensor.layout is self.torch.strided else str(tensor.layout)
            what = f"a tensor on {tensor.device}" if tensor.device.type != "cpu" else what
            raise ProgramError(f"{what} is not modelled: only dense tensors on the CPU are. Convert it first.")
        if type(tensor) not in (self.torch.Tensor, self.torch.nn.Parameter, self.torch.nn.Buffer):
            raise ProgramError(f"A {type(tensor).__name__} is not modelled: only plain tensors and parameters are.")
        if seen.tracked and not seen.leaf:
            raise ProgramError(
                f"A tensor of shape {list(seen.shape)} with history is used here whose making was not recorded: it "
                "comes from before the recording, from another thread, or from compiled code. Compute it in here, or "
                "detach it."
            )
        tracked = seen.tracked
        if self.parameters is not None:
            differentiable = tensor.is_floating_point() or tensor.is_complex()
            tracked = id(seen) in self.parameters and differentiable
        known = self.names.get(id(seen)) or self.state.get(id(seen))
        name = event.hint or known or self.sites.of(event.site).hint or event.variable
        hint = (usable_name(name) if name else None) or ("leaf" if tracked else "values")
        with recorded_at(Site(self.sites.of(event.site).line, hint, "")):
            other = self._alias(seen)
            if other is not None:
                handle = self.tensor(other).detach()
                if tracked:
                    handle.requires_grad_()
            else:
                data = event.values.resolve_conj().resolve_neg()
                numbers = data.numpy(force=True) if data.dtype is not self.torch.bfloat16 else data.float().numpy()
                make = self.tape.leaf if tracked else self.tape.constant
                dtype = self.dtype(seen.dtype)
                if dtype in NARROW:
                    self.widened.add(id(seen.storage))
                    self.note(
                        event.site, dtype, f"data of {dtype} is written as int64; what arithmetic makes of it is not"
                    )
                handle = make(numbers, dtype="int64" if dtype in NARROW else dtype)
            if tracked and self.parameters is None:
                self.join(seen)
        self.bind(seen, handle)
        self.met[id(seen)] = event
        if event.drawn:
            self.note(event.site, "random", RANDOM_NOTE)
        if tracked:
            self.leaves[id(seen)] = seen
        if event.stale is not None:
            self.gradients.add(id(event.stale))
            handle.grad = self.tensor(event.stale)
        if event.hint == "dropout_mask":
            self.note(
                event.site, "dropout", "the mask is recorded as data; in JAX draw it: "
                "`jax.random.bernoulli(key, 1 - p, x.shape) / (1 - p)` with `key = jax.random.key(seed)`",
            )  # fmt: skip

    def join(self, tensor: Any) -> None:
        """Say in the statement that just made a leaf which group of parameters it belongs to."""
        member, statement = self.members.get(id(tensor)), self.tape._statements[-1]
        if member is not None and isinstance(statement, Leaf | RequiresGrad):
            self.tape._statements[-1] = msgspec.structs.replace(statement, member=member)

    def _alias(self, tensor: Any) -> Any:
        """A tensor of the tape that is the same memory, seen in the same way. Raises ProgramError for another way."""
        if tensor.storage is None:
            return None
        others = self.storages.get(id(tensor.storage), [])
        for one in reversed(others):
            if one.place == tensor.place and id(one) not in self.reshaped:
                return one
        if others:
            raise ProgramError(
                f"A tensor of shape {list(tensor.shape)} shares memory with one that the recording knows, and it did "
                "not see how: through NumPy, dlpack, or in another thread. Clone it, or make it a view with PyTorch."
            )
        return None

    def fill(self, event: Filled) -> None:
        target = self.tensor(event.tensor)
        with recorded_at(Site(self.sites.of(event.site).line, "random", "")):
            drawn = self.tape.constant(event.values.numpy(), dtype=self.dtype(event.values.dtype))
        target.copy_(drawn)
        self.wrote(event.tensor)
        self.note(event.site, "random", RANDOM_NOTE)

    # ---- modes ----

    def set_grad_mode(self, event: GradModeSet) -> None:
        if event.enabled == self.enabled:
            return
        if self.blocks and self.blocks[-1][0] == "grad" and self.blocks[-1][1] == event.enabled:
            self.close(event.site)
        else:
            before = self.enabled
            self.open("enable_grad" if event.enabled else "no_grad", True, event.site)
            self.blocks[-1] = ("grad", before)
        self.enabled = event.enabled

    def open(self, mode: Any, flag: bool, place: Place) -> None:
        self.tape._record(EnterGradMode(mode=mode, flag=flag, line=self.sites.of(place).line))
        self.blocks.append((mode, self.enabled))
        if mode == "inference_mode":
            self.enabled = not flag

    def close(self, place: Place) -> None:
        _, self.enabled = self.blocks.pop()
        if isinstance(self.tape._statements[-1], EnterGradMode):
            self.tape._statements.pop()
            self.tape._facts.modes.pop()
            return
        self.tape._record(ExitGradMode(line=self.sites.of(place).line))

    def look(self, event: Looked) -> None:
        if event.values is not None:
            self.doors.append((event, self.writes_to(event.tensor)))
        if event.word in ("storage", "untyped_storage", "data_ptr"):
            why = "JAX arrays have no storage that a program could speak of: each is a value of its own"
        elif event.word in ("numpy", "__array__", "__dlpack__"):
            why = "NumPy reads this memory: what it computes is not part of the program, and enters as data"
        elif event.word in ("__bool__", "is_nonzero"):
            self.branch(event)
            return
        else:
            why = "Python took a number out of a tensor: what depends on it is specialised to this run"
        if event.site:
            self.note(event.site, event.word, why)

    def step(self, event: Stepped) -> None:
        what, line = f"torch.optim.{event.kind}", self.sites.of(event.site).line
        why = f"its update lines are, in optax, {optax_equivalent(event.kind, event.groups)}"
        known = self.specialised.get((line, what))
        if known is not None and not known.why.startswith(why):
            first = known.why.partition("; its settings")[0]
            why = f"{first}; its settings change from step to step, which in optax a schedule does"
            self.specialised[line, what] = Specialised(line, what, why)
        self.note(event.site, what, why)

    def branch(self, event: Looked) -> None:
        """One note for a line, with all that was true of it in turn."""
        if not event.site:
            return
        key = (self.sites.of(event.site).line, "__bool__")
        taken = self.branches.setdefault(key, [])
        if event.result not in taken:
            taken.append(event.result)
        was = " and ".join(map(str, taken))
        only = "this branch is" if len(taken) == 1 else "the branches taken are"
        why = f"Python branched on a tensor, which was {was} in this run: only {only} translated"
        self.specialised[key] = Specialised(*key, why)

    # ---- calls ----

    def call(self, event: Called) -> None:
        if self._is_nothing(event):
            return
        name = bare_name(event.function)
        if name in ("to_sparse", "to_dense"):
            self.sparse_or_dense(name, event)
            return
        if name in WORDS or name in CASTS or name in SEVERAL_VIEWS or name in COPIES:
            self.word(name, event)
            return
        if name in SHAPES_IN_PLACE:
            self.change_shape(name, event)
            return
        event = self.without_out(event)
        found, made = self._recognised(event), find_composite(event.function)
        if found is not None and not (self.as_pytorch and made is not None):
            try:
                self.apply(found, event)
                self.caution(found.op, event, spelled_out=made is not None)
                return
            except ProgramError:
                # The row knows the call, but not for these operands: where the whole is a composite, that decides.
                if made is None:
                    raise
        assert made is not None
        arguments = tuple(self.converted(one) for one in event.arguments)
        keywords = {key: self.converted(one) for key, one in event.keywords.items()}
        try:
            inspect.signature(made).bind(self.tape, *arguments, **keywords)
        except TypeError as error:
            raise ProgramError(f"{described(event.function)}: {error}.") from error
        before = len(self.tape._statements)
        self.results(event, made(self.tape, *arguments, **keywords))
        written = {one.handle for one in self.tape._statements[before:] if isinstance(one, Write | ItemWrite)}
        for one in self._tensors((event.arguments, tuple(event.keywords.values()))):
            if self.tensor(one)._name in written:
                self.wrote(one)  # running statistics

    def caution(self, op: Op, event: Called, *, spelled_out: bool) -> None:
        """Say where JAX's own function, which is printed, is wrong."""
        if op.caution:
            remedy = "; --torch-conventions prints what is right everywhere" if spelled_out else ""
            self.note(event.site, op.name, f"JAX's own function is printed: {op.caution}{remedy}")

    def sparse_or_dense(self, name: str, event: Called) -> None:
        """A sparse tensor is the dense one, whose gradient stops where no element is specified."""
        own, *axes = event.arguments
        if name == "to_dense":
            if axes or event.keywords.get("dtype") or event.keywords.get("masked_grad") is False:
                raise ProgramError("to_dense with another dtype, or without masked_grad, is not modelled.")
            dense = self.sparse[id(own)] if id(own) in self.sparse else self.tensor(own)
            self.bind(event.result, dense.clone())
            return
        dense = self.tensor(own)
        if event.keywords or len(axes) > 1 or event.result.tensor.layout is not self.torch.sparse_coo:
            raise ProgramError("to_sparse is modelled with the number of sparse axes only.")
        specified = dense != 0
        within = tuple(range(axes[0], len(dense.shape))) if axes else ()
        if within:
            specified = specified.any(axis=within, keepdims=True)
        zero = 0 if dense.dtype_name == "int64" else 0.0
        self.sparse[id(event.result)] = self.tape.where(specified, dense, zero)

    def change_shape(self, name: str, event: Called) -> None:
        """From here on the tensor is a view of what it was."""
        own, facts = event.arguments[0], self.tape._facts
        before = facts.handle(self.tensor(own)._name)
        if before.tensor in facts.gradients.retained:
            raise ProgramError(f"{name} of a tensor whose gradient is retained is not modelled. Retain it afterwards.")
        function = getattr(self.torch.Tensor, name.removesuffix("_"))
        found, made = recognise(function, event.arguments, event.keywords), find_composite(function)
        if made is not None:
            view = made(self.tape, *map(self.converted, event.arguments), **event.keywords)
        elif found is not None:
            view = self.tape._apply(found.op.name, [self.tensor(own)], found.attributes)
        else:
            raise ProgramError(
                f"Tensor.{name} with these arguments is not modelled. Take a view of that shape instead."
            )
        self.handles[id(own)] = view
        self.written_storages.add(before.storage.number)

    def without_out(self, event: Called) -> Called:
        """The same call without `out=`: its result is copied into that tensor."""
        if "out" not in event.keywords:
            return event
        kept = {name: one for name, one in event.keywords.items() if name != "out"}
        return replace(event, keywords=kept, written=event.keywords["out"] is not None)

    def results(self, event: Called, made: Any) -> None:
        result = event.result
        if isinstance(result, Seen):
            self.one_result(event, result, made)
            return
        if isinstance(result, list | tuple) and isinstance(made, list | tuple) and len(result) == len(made):
            for one, handle in zip(result, made, strict=True):
                if isinstance(one, Seen):
                    self.one_result(event, one, handle)
            return
        if result is not None or made is not None:
            raise ProgramError(
                f"{described(event.function)} returned {type(result).__name__}, its composite another thing."
            )

    def one_result(self, event: Called, result: Any, handle: Tensor) -> None:
        known = self.handles.get(id(result))
        if known is not None and event.written:
            known.copy_(handle)
            self.wrote(result)
            return
        if known is not None:
            if known._name != handle._name:
                raise ProgramError(f"{described(event.function)} returned a tensor that it got, its row a new one.")
            self.wrote(result)
            return
        self.check_aliases(event, result, handle)
        given = self._tensors((event.arguments, tuple(event.keywords.values())))
        narrow = {*NARROW, "uint8"}
        if self.dtype(result.dtype) in narrow and not any(self.dtype(one.dtype) in narrow for one in given):
            self.widened.add(id(result.storage))  # pivots and the like, which no arithmetic has made
        self.bind(result, handle)

    def check_aliases(self, event: Called, result: Any, handle: Tensor) -> None:
        """Where the result shares memory with what it was made from, and the tape says otherwise, nobody may write."""
        facts = self.tape._facts
        own = facts.handle(handle._name, history=False).storage
        memory = result.storage
        if memory is None:
            return
        for one in self._tensors((event.arguments, tuple(event.keywords.values()))):
            other = self.handles.get(id(one))
            if other is None or one.storage is None or id(one) in self.moving:
                continue
            shares = one.storage is memory
            if shares != (facts.handle(other._name, history=False).storage is own):
                what = "a view" if shares else "a copy"
                said = (
                    f"{described(event.function)} at {_where(event.site)} returned {what}, and the tape says otherwise"
                )
                # As long as nobody writes into either, a view and a copy are the same.
                self.doubtful.update({id(memory): said, id(one.storage): said})

    def _tensors(self, values: Any) -> Iterator[Any]:
        for one in values:
            if isinstance(one, Seen):
                yield one
            elif isinstance(one, list | tuple):
                yield from self._tensors(one)

    def converted(self, value: Any) -> Any:
        """An argument in the words of the tape."""
        torch = self.torch
        if isinstance(value, Seen):
            return self.tensor(value)
        if isinstance(value, torch.dtype):
            return self.dtype(value)
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, list | tuple):
            return (
                type(value)(self.converted(one) for one in value)
                if type(value) in (list, tuple)
                else tuple(self.converted(one) for one in value)
            )
        if isinstance(value, dict):
            return {key: self.converted(one) for key, one in value.items()}
        if isinstance(value, torch.device):
            return str(value)
        return value

    def apply(self, found: Recognised, event: Called) -> None:
        op = found.op
        attributes = {name: self.converted(one) for name, one in found.attributes.items()}
        attributes = {
            name: tuple(one) if isinstance(one, list) else (one,) if name in SEVERAL and isinstance(one, int) else one
            for name, one in attributes.items()
            if not (one is None and op.defaults[name] is ...)
        }
        if isinstance(event.result, Seen) and "shape" in attributes and op.name != "unflatten":
            attributes["shape"] = tuple(event.result.shape)
        operands = [self.converted(one) for one in found.operands]
        if found.writes:
            # A number that a tensor holds is copied; fill takes one that is written down.
            name = "copy" if op.name == "fill" and isinstance(operands[1], Tensor) else op.name
            operands = self.in_one_dtype(op, operands, self.dtype(found.operands[0].dtype))
            self.tape._write(operands[0], name, operands[1:], attributes)
            self.wrote(found.operands[0])
            return
        if isinstance(event.result, Seen):
            operands = self.in_one_dtype(op, operands, self.dtype(event.result.dtype))
        self.results(event, self.tape._apply(op.name, operands, attributes))

    def in_one_dtype(self, op: Any, operands: list[Any], result: str) -> list[Any]:
        """The operands of an elementwise op, cast as PyTorch casts them by itself."""
        tensors = [one for one in operands if isinstance(one, Tensor)]
        dtypes = {one.dtype_name for one in tensors}
        if op.index_operands(operands) or op.name == "where":
            return operands
        if op.result_dtype is None or not dtypes or (dtypes == {result} or len(dtypes) == 1):
            return operands
        wanted = result
        if result == "bool":
            types = [getattr(self.torch, one) for one in sorted(dtypes)]
            promoted = types[0]
            for one in types[1:]:
                promoted = self.torch.promote_types(promoted, one)
            wanted = self.dtype(promoted)
        return [
            one.astype(dtype=wanted) if isinstance(one, Tensor) and one.dtype_name != wanted else one
            for one in operands
        ]

    def wrote(self, tensor: Any) -> None:
        """A tensor of the run was written; its number at the end is one that the program has to show."""
        doubt = self.doubtful.get(id(tensor.storage))
        if doubt is not None:
            raise ProgramError(f"A write: {doubt}, so that it would show in other places. Clone the result there.")
        name = self.tensor(tensor)._name
        self.written_storages.add(self.tape._facts.handle(name, history=False).storage.number)
        base = tensor.base if tensor.base is not None and id(tensor.base) in self.handles else tensor
        self.written[id(base)] = base

    # ---- words of the tape ----

    def word(self, name: str, event: Called) -> None:
        arguments, keywords = event.arguments, event.keywords
        tensor = self.tensor(arguments[0]) if isinstance(arguments[0], Seen) else None
        if name in COPIES:
            if tensor is None:
                raise ProgramError(f"torch.{name} of a list of tensors: build it with torch.stack.")
            copied = tensor.detach().clone()
            if event.result.tracked:
                copied.requires_grad_()
                self.leaves[id(event.result)] = event.result
            self.bind(event.result, copied)
            return
        assert tensor is not None
        if name in CASTS:
            dtype = self.dtype(event.result.dtype)
            made = tensor.clone() if dtype == tensor.dtype_name else tensor.astype(dtype=dtype)
            self.results(event, made)
        elif name in SEVERAL_VIEWS:
            self.several_views(name, tensor, event)
        elif name in ("detach", "alias"):
            self.bind(event.result, tensor.detach())
        elif name == "detach_":
            tensor.detach_()
        elif name == "data.__get__":
            self.bind(event.result, tensor.data)
        elif name == "data.__set__":
            tensor.data = self.tensor(arguments[1])
            self.wrote(arguments[0])
        elif name == "T.__get__":
            if len(tensor.shape) != 2:
                raise ProgramError("Tensor.T of a tensor that is no matrix is deprecated; write mT or permute.")
            self.bind(event.result, tensor.matrix_transpose())
        elif name in ("contiguous", "positive"):
            self.bind(event.result, tensor.contiguous_clone() if name == "contiguous" else tensor.clone())
        elif name.startswith("grad."):
            self.grad_slot(name, tensor, event)
        elif name in ("requires_grad_", "requires_grad.__set__"):
            given = [*arguments[1:], *keywords.values()]
            flag = bool(given[0]) if given else True
            tensor.requires_grad_(flag)
            if flag and arguments[0].leaf:
                self.join(arguments[0])
                self.leaves[id(arguments[0])] = arguments[0]
        elif name == "retain_grad":
            tensor.retain_grad()
            self.unread_retained(arguments[0])
        elif name == "__getitem__":
            self.get_item(tensor, event)
        elif name == "__setitem__":
            index, value = arguments[1], arguments[2]
            given = self.converted(value)
            if isinstance(given, Tensor) and given.dtype_name != tensor.dtype_name:
                given = given.astype(dtype=tensor.dtype_name)
            self.tape._set_item(tensor, self.index(index), given)
            self.wrote(arguments[0])

    def unread_retained(self, tensor: Any) -> None:
        self.leaves.setdefault(id(tensor), tensor)

    def index(self, index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(self.converted(one) for one in index)
        return self.converted(index)

    def get_item(self, tensor: Tensor, event: Called) -> None:
        made = tensor[self.index(event.arguments[1])]
        self.results(event, made)

    def several_views(self, name: str, tensor: Tensor, event: Called) -> None:
        arguments, keywords = list(event.arguments[1:]), dict(event.keywords)
        axis = keywords.pop("dim", keywords.pop("axis", None))
        attributes: dict[str, Any] = {}
        if name != "unbind":
            given = arguments.pop(0) if arguments else next(iter(keywords.values()))
            if name == "chunk":
                attributes["chunks"] = given
            else:
                attributes["sizes"] = tuple(given) if isinstance(given, list | tuple) else given
        axis = arguments.pop(0) if arguments else axis
        if axis:
            attributes["axis"] = axis
        made = self.tape._unpack(SEVERAL_VIEWS[name], (tensor,), attributes)
        for one, handle in zip(event.result, made, strict=True):
            self.bind(one, handle)

    def grad_slot(self, name: str, tensor: Tensor, event: Called) -> None:
        own = event.arguments[0]
        if name == "grad.__get__":
            result = event.result
            self.gradients.add(id(result))
            if result is None or id(result) in self.handles:
                return
            site = self.site(event.site)
            hint = site.hint or f"{self.tape._shown(tensor._name)}_grad"
            with recorded_at(Site(site.line, hint, site.text)):
                self.bind(result, self.tape._grad(tensor, named=True))
            return
        value = event.arguments[1] if name == "grad.__set__" else None
        self.gradients.add(id(value))
        self.read_gradient(own, event.before)
        tensor.grad = None if value is None else self.tensor(value)
        if value is not None:
            self.unread[id(own)] = own

    def read_gradient(self, tensor: Any, numbers: Any) -> None:
        """Observe a gradient at the end of its life. numbers: what it was."""
        if self.unread.pop(id(tensor), None) is not None:
            self.final[self.observe(self.tensor(tensor), "grad")] = FinalGradient(SimpleNamespace(grad=numbers))

    def observe(self, handle: Tensor, what: Any) -> str:
        self.tape._read(Reading(handle, what), None)
        statement = self.tape._statements[-1]
        assert isinstance(statement, Read)
        return statement.name

    # ---- backward ----

    def backward(self, event: RanBackward) -> None:
        if event.error and event.changed:
            raise ProgramError(
                f"The backward pass raised {event.error} when it had already changed a gradient, and the run went on: "
                "what it had added by then is not known. Take the failing backward out."
            )
        if event.error:
            self.note(
                event.site, "backward", f"it raised {event.error}, which the code caught: nothing of it is translated"
            )
            return
        function = event.function
        given = inspect.signature(function).bind(*event.arguments, **event.keywords)
        given.apply_defaults()
        said = given.arguments
        name = bare_name(function)
        if name == "grad":
            self.autograd_grad(event, said)
            return
        roots: tuple[Any, ...]
        gradients: tuple[Any, ...]
        if "self" in said:
            roots = (said["self"],)
            gradients = (said["gradient"],)
        else:
            roots = self._several(said["tensors"])
            gradients = self._several(said["grad_tensors"]) or (None,) * len(roots)
        for one in roots:
            self.observe_root(one)
        inputs = self._several(said["inputs"])
        create = bool(said["create_graph"])
        self.tape.backward(
            [self.tensor(one) for one in roots],
            [None if one is None else self.tensor(one) for one in gradients],
            inputs=[self.tensor(one) for one in inputs],
            retain_graph=bool(said["retain_graph"]) and not create,
            create_graph=create,
        )
        facts = self.tape._facts
        for number, leaf in self.leaves.items():
            handle = facts.handle(self.handles[number]._name, history=False)
            if handle.family.number in facts.gradients.slots or handle.tensor in facts.gradients.retained:
                self.unread[number] = leaf

    def observe_root(self, root: Any) -> None:
        handle = self.tensor(root)
        if not handle._name.startswith("_"):
            self.observe(handle, "value")

    def _several(self, value: Any) -> tuple[Any, ...]:
        if value is None:
            return ()
        return (value,) if isinstance(value, Seen) else tuple(value)

    def autograd_grad(self, event: RanBackward, said: dict[str, Any]) -> None:
        if said.get("is_grads_batched"):
            raise ProgramError("autograd.grad with is_grads_batched is not modelled; call it once for each cotangent.")
        outputs, inputs = self._several(said["outputs"]), self._several(said["inputs"])
        create = bool(said["create_graph"])
        made = self.tape.grad(
            [self.tensor(one) for one in outputs],
            [self.tensor(one) for one in inputs],
            [None if one is None else self.tensor(one) for one in self._several(said["grad_outputs"])],
            retain_graph=bool(said["retain_graph"]) and not create,
            create_graph=create,
            allow_unused=bool(said["allow_unused"]),
            materialize_grads=bool(said["materialize_grads"]),
        )
        numbers = iter(event.numbers)
        for one, handle in zip(event.result, made, strict=True):
            if one is not None:
                self.bind(one, handle)
                self.final[self.observe(handle, "value")] = next(numbers)

    # ---- hooks and functions ----

    def hook(self, event: Hooked) -> None:
        runs = event.runs
        if not runs:
            return
        if len({self._shape_of(one.events, one.result is None) for one in runs}) > 1:
            raise ProgramError(
                "The hook did not do the same each time it was called. Only a hook that always does the same is a "
                "function of its cotangent."
            )
        first = runs[0]

        def body(cotangent: Tensor) -> Tensor | None:
            inside = self.inside(cotangent._tape)
            inside.handles[id(first.cotangent)] = cotangent
            inside.play(first.events)
            return None if first.result is None else inside.tensor(first.result)

        body.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter("grad", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
        )
        self.hooks[id(event)] = self.tape._register_hook(self.tensor(event.tensor), body)

    def inside(self, tape: Tape) -> _Replay:
        """A replay into the body of a hook or a function."""
        found = _Replay(self.tape.dtype, self.names, tape, as_pytorch=self.as_pytorch)
        found.specialised, found.reshaped = self.specialised, self.reshaped
        return found

    def _plain(self, values: Sequence[Any]) -> tuple[str, ...]:
        """What is no tensor among arguments."""
        return tuple(repr(one) for one in values if not isinstance(one, Seen))

    def _shape_of(self, events: Sequence[Event], *more: Any) -> tuple[Any, ...]:
        """What events do, beside the numbers in tensors."""
        said: list[Any] = [*more]
        for event in events:
            if isinstance(event, Called):
                said.append((bare_name(event.function), self._plain(event.arguments), repr(sorted(event.keywords))))
            else:
                said.append(type(event).__name__)
        return tuple(said)

    def take_function(self, event: TookFunction) -> None:
        kind = event.kind
        tensors = [one for one in event.arguments if isinstance(one, Seen)]
        results = event.result if isinstance(event.result, tuple) else (event.result,)
        if not all(isinstance(one, Seen) for one in results):
            raise ProgramError(f"{kind.__name__}.forward returns something else than tensors, which is not modelled.")
        if not event.rules:
            # No backward ran the rule: what it would do is not known, and nothing asked for it.
            self.open("no_grad", True, event.site)
            self.play(event.events)
            self.close(event.site)
            return
        shapes = {self._shape_of(run.events) for run in event.rules}
        if len(shapes) > 1:
            raise ProgramError(f"The backward rule of {kind.__name__} did not do the same each time it ran.")
        made = self.function_of(event, tensors, results)(*(self.tensor(one) for one in tensors))
        several = made if isinstance(made, tuple) else (made,)
        for one, handle in zip(results, several, strict=True):
            self.bind(one, handle)

    def function_of(self, event: TookFunction, tensors: list[Any], results: tuple[Any, ...]) -> Any:
        """The tape's function for one call. Calls that do the same share its definition."""
        key = (event.kind, self._shape_of(event.events, *self._plain(event.arguments)))
        run = event.rules[0]
        names = self._parameters_of(event, tensors)
        forward_names: dict[str, Any] = {}

        def forward(*given: Tensor) -> Any:
            inside = self.inside(given[0]._tape)
            numbers = iter(range(1, 10_000))
            inside.unnamed = lambda: f"value_{next(numbers)}"
            inside.handles.update({id(one): handle for one, handle in zip(tensors, given, strict=True)})
            for one in tensors:
                inside.kept.append(one)
            inside.play(event.events)
            forward_names.clear()
            for one in (*tensors, *inside.kept):
                forward_names[inside.tape._hints[inside.handles[id(one)]._name]] = one
            made = tuple(inside.returned(one) for one in results)
            return made if len(made) > 1 else made[0]

        saved = self._saved(event, run, tensors)
        cotangent_names = [f"{'grad' if len(results) == 1 else f'grad_{n}'}" for n in range(1, len(results) + 1)]

        def rule(*given: Tensor) -> Any:
            inside = self.inside(given[0]._tape)
            numbers = iter(range(1, 10_000))
            inside.unnamed = lambda: f"term_{next(numbers)}"
            for one, handle in zip(run.cotangents, given, strict=False):
                inside.handles[id(one)] = handle
            for (_, objects), handle in zip(saved, given[len(results) :], strict=True):
                for one in objects:
                    inside.handles[id(one)] = handle
            inside.play([one for one in run.events if not (isinstance(one, Met) and id(one.tensor) in inside.handles)])
            returned = run.result if isinstance(run.result, tuple) else (run.result,)
            wanted = [
                one
                for one, argument in zip(returned, event.arguments, strict=False)
                if any(argument is t for t in tensors)
            ]
            gradients = tuple(None if one is None else inside.tensor(one) for one in wanted)
            return gradients if len(gradients) > 1 else gradients[0]

        def signed(function: Any, parameters: Sequence[str], name: str) -> Any:
            kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
            function.__signature__ = inspect.Signature([inspect.Parameter(one, kind) for one in parameters])
            function.__name__ = name
            return function

        own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", event.kind.__name__).lower()
        # The names that the rule reads are those that the body of the function gives; a dry run tells them.
        probe = Tape(dtype=self.tape.dtype, as_pytorch=self.as_pytorch)
        inner = []
        for name, one in zip(names, tensors, strict=True):
            known = self.tape._facts.handle(self.tensor(one)._name, history=False)
            probe._facts.bind(name, probe._facts.fresh(known.shape, known.dtype, creator=name))
            probe._hints[name] = name
            inner.append(Tensor(probe, name))
        forward(*inner)
        saved_names = []
        for wanted, _ in saved:
            found = next((name for name, one in forward_names.items() if self._same_memory(one, wanted)), None)
            if found is None:
                raise ProgramError(
                    f"The backward rule of {event.kind.__name__} reads a tensor that its forward neither got nor made; "
                    "hand it over as an argument."
                )
            saved_names.append(found)
        function = self.tape.custom_function(
            signed(forward, names, own),
            signed(rule, [*cotangent_names, *saved_names], f"{own}_rule"),
            non_differentiable=tuple(
                next(name for name, one in forward_names.items() if one is result)
                for result in event.non_differentiable
            ),
            once_differentiable=event.once_differentiable,
        )
        for known, tape_function in self.functions.get(key[0], []):
            if known == key[1]:
                tape_function._rule, tape_function._forward = function._rule, function._forward
                return tape_function
        self.functions.setdefault(key[0], []).append((key[1], function))
        return function

    def returned(self, value: Any) -> Tensor:
        """What the body of a function returns. A view of an argument, `x.view_as(x)`, stands for a new tensor."""
        handle = self.tensor(value)
        views = self.tape._facts.handle(handle._name, history=False).chain
        with recorded_at(Site(0, self._unique("result"), "")):
            return handle.clone() if views else handle

    def _parameters_of(self, event: TookFunction, tensors: list[Any]) -> list[str]:
        signature = inspect.signature(event.kind.forward)
        names = [one.name for one in signature.parameters.values() if one.kind is not one.VAR_POSITIONAL]
        if (
            hasattr(event.kind, "forward")
            and event.kind.setup_context is self.torch.autograd.function._SingleLevelFunction.setup_context
        ):
            names = names[1:]
        found = []
        for number, argument in enumerate(event.arguments):
            if any(argument is one for one in tensors):
                name = usable_name(names[number]) if number < len(names) else None
                found.append(name or f"argument_{number + 1}")
        return found

    def _saved(self, event: TookFunction, run: RuleRun, tensors: list[Any]) -> list[tuple[Any, list[Any]]]:
        """The tensors of the forward that the rule uses, each with the objects that stand for it there."""
        inside = {id(one.result) for one in run.events if isinstance(one, Called)}
        for one in run.events:
            if isinstance(one, Called) and isinstance(one.result, tuple | list):
                inside |= {id(each) for each in one.result}
        cotangents = {id(one) for one in run.cotangents}
        found: list[tuple[Any, list[Any]]] = []
        for called in run.events:
            if not isinstance(called, Called):
                continue
            for one in self._tensors((called.arguments, tuple(called.keywords.values()))):
                if id(one) in inside or id(one) in cotangents:
                    continue
                for wanted, objects in found:
                    if self._same_memory(wanted, one):
                        if not any(one is other for other in objects):
                            objects.append(one)
                        break
                else:
                    found.append((one, [one]))
        return found

    def _same_memory(self, one: Seen, other: Seen) -> bool:
        return one is other or (one.storage is not None and one.place == other.place)

    # ---- the end ----

    def check_nothing_unseen(self) -> None:
        """Refuse a run in which a tensor was written, or got a gradient, where the recording did not see it."""
        facts = self.tape._facts
        handles = [facts.handle(self.handles[id(one)]._name, history=False) for one in self.kept]
        written = {id(one.storage) for one in handles if one.version.count}
        for tensor, handle in zip(self.kept, handles, strict=True):
            if id(tensor) in self.reshaped and tensor.tensor is not None and tensor.tensor.shape != handle.shape:
                now, known = list(tensor.tensor.shape), list(handle.shape)
                raise RecordingRefusedError(f"A tensor is of shape {now} at the end of the run, and of {known} here.")
            if id(handle.storage) in written or id(tensor) in self.gradients or tensor.version is None:
                continue  # a backward adds to gradients
            if handle.storage.number in self.written_storages or id(tensor) in self.moving:
                continue  # through `.data`, which has a version counter of its own
            met, now = self.met.get(id(tensor)), tensor.tensor
            if now is not None and now._version > tensor.version:
                self.refuse_unseen(tensor, "was written", "in another thread, or in compiled code")
            if met and not self._same_numbers(now, met.values):
                self.refuse_unseen(tensor, "was written", "through NumPy or another alias, or in another thread")
        for looked, writes in self.doors:
            if id(looked.tensor) in self.gradients or self.writes_to(looked.tensor) != writes:
                continue
            if not self._same_numbers(looked.tensor.tensor, looked.values):
                self.refuse_unseen(looked.tensor, "was written", f"through what `{looked.word}` gave")
        for number, tensor in self.leaves.items():
            handle = facts.handle(self.handles[number]._name, history=False)
            if (
                tensor.tensor.grad is not None
                and handle.family.number not in facts.gradients.slots
                and handle.tensor not in facts.gradients.retained
            ):
                self.refuse_unseen(tensor, "got a gradient", "from a backward in another thread, or in compiled code")

    def writes_to(self, tensor: Any) -> int:
        """How often the recording saw the memory of a tensor written, through whichever alias."""
        facts = self.tape._facts
        handles = [facts.handle(self.handles[id(one)]._name, history=False) for one in self.kept]
        own = facts.handle(self.handles[id(tensor)]._name, history=False).storage
        return sum({id(one.version): one.version.count for one in handles if one.storage is own}.values())

    def refuse_unseen(self, tensor: Any, what: str, how: str) -> None:
        name = self.tape._shown(self.handles[id(tensor)]._name)
        raise RecordingRefusedError(
            f"'{name}', a tensor of shape {list(tensor.shape)}, {what} where the recording does not see it: {how}. Do "
            "it in the open, or work on a clone."
        )

    def _same_numbers(self, tensor: Any, values: Any) -> bool:
        with self.torch.no_grad():
            now, then = tensor.detach(), values.detach()
            return bool(((now == then) | ((now != now) & (then != then))).all())

    def close_all(self) -> None:
        while self.blocks:
            self.close(())

    def end(self, results: Sequence[Any]) -> None:
        """Close what is open, then read every gradient, updated leaf and buffer, and every result."""
        self.close_all()
        with recorded_at(Site(0, None, "")):
            for number, leaf in [*self.unread.items()]:
                self.unread.pop(number)
                name = self.observe(self.tensor(leaf), "grad")
                self.final[name] = FinalGradient(leaf.tensor)
            for tensor in self.written.values():
                if id(tensor) in self.names and tensor.tensor.is_leaf:
                    self.final[self.observe(self.tensor(tensor), "value")] = tensor.tensor
            shown = {one.handle for one in self.tape._statements if isinstance(one, Read) and one.what == "value"}
            for tensor in results:
                if id(tensor) in self.sparse:
                    raise RecordingRefusedError("A result of the run is sparse. Return it made dense.")
                handle = self.handles.get(id(tensor))
                if handle is not None and handle._name not in shown:
                    shown.add(handle._name)
                    self.final[self.observe(handle, "value")] = tensor.tensor
