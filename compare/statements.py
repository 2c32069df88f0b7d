"""The statements of a tape program, and the names they use and bind. They are data: msgspec structs, JSON both ways."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from compare.errors import ProgramError
from compare.ops import DIFFERENTIABLE, FLOATS, BasicIndex, Index, Shape

__all__ = [
    "DIFFERENTIABLE_DTYPES",
    "DTYPES",
    "FLOAT_DTYPES",
    "MOST_DIMENSIONS",
    "NUMBER_WORD",
    "AnyStatement",
    "Apply",
    "AssignData",
    "Attempt",
    "Attribute",
    "AutogradGrad",
    "Backward",
    "BackwardRule",
    "CallFunction",
    "Constant",
    "Data",
    "DefineFunction",
    "Detach",
    "DetachInPlace",
    "EnterGradMode",
    "EnterHook",
    "EnterSavedTensorsHooks",
    "ExitGradMode",
    "ExitHook",
    "ExitSavedTensorsHooks",
    "Expected",
    "Grad",
    "HookStatement",
    "ItemWrite",
    "Jvp",
    "Leaf",
    "Member",
    "Number",
    "Operand",
    "Read",
    "ReadKind",
    "Ref",
    "RegisterHook",
    "RegisterPostAccumulateGradHook",
    "RemoveHook",
    "RequiresGrad",
    "RetainGrad",
    "SetGrad",
    "SetGradMode",
    "Statement",
    "Step",
    "Unpack",
    "Warned",
    "Write",
    "as_number",
    "bound",
    "from_number",
    "inlined_names",
    "is_number_word",
    "nested_shape",
    "renamed",
    "unwrap",
    "used",
]

FLOAT_DTYPES = FLOATS
DIFFERENTIABLE_DTYPES = DIFFERENTIABLE
"""The dtypes of tensors that may require grad."""
DTYPES = (*DIFFERENTIABLE_DTYPES, "int64", "bool")

# ---- values inside a program ----

_PART = r"(?:nan|inf|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
NUMBER_WORD = rf"^(?:nan|-?inf|-?{_PART}[+-]{_PART}j)$"
"""The numbers that JSON lacks, as words: `nan`, `inf`, `-inf`, and a complex number as Python writes it, `1.0-2.5j`."""

Number = bool | int | float | Annotated[str, msgspec.Meta(pattern=NUMBER_WORD)]
"""A number as JSON carries it."""

_is_word = re.compile(NUMBER_WORD[:-1] + r"\Z").match


def is_number_word(value: Any) -> bool:
    """Whether a value is one of the numbers that JSON carries as a word."""
    return isinstance(value, str) and _is_word(value) is not None


def as_number(value: Any) -> Any:
    """Turn a Python or NumPy number into the form a program stores."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, complex):
        sign = "-" if math.copysign(1.0, value.imag) < 0 and not math.isnan(value.imag) else "+"
        return f"{value.real!r}{sign}{abs(value.imag)!r}j"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def from_number(value: Any) -> Any:
    """The inverse of `as_number`."""
    if isinstance(value, str):
        return complex(value) if value.endswith("j") else float(value)
    return value


MOST_DIMENSIONS = 32


def nested_shape(data: Any, depth: int = 0) -> Shape:
    """Shape of nested lists of numbers. Raises ProgramError when they are ragged or too deep."""
    if not isinstance(data, list | tuple):
        return ()
    if depth == MOST_DIMENSIONS:
        raise ProgramError(f"The data has more than {MOST_DIMENSIONS} dimensions.")
    if not any(isinstance(item, list | tuple) for item in data):
        return (len(data),)  # a million numbers, one by one, take seconds
    shapes = {nested_shape(item, depth + 1) for item in data}
    if len(shapes) > 1:
        raise ProgramError("The data is ragged: rows of one array must have one length.")
    return (len(data), *(shapes.pop() if shapes else ()))


class Ref(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A handle used as an operand."""

    name: str


Operand = Ref | Number
Attribute = None | bool | int | float | str | Index


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a case declares about one read.

    torch, jax: the declared value of each leg: a number, nested lists, a word, or None.
    concept: the concept that explains why the two differ; None declares that they agree.
    warning: a fragment of the warning that PyTorch gives at this read.
    """

    torch: Any
    jax: Any
    concept: str | None = None
    warning: str | None = None


# ---- statements ----


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag_field="statement", forbid_unknown_fields=True):
    """One step of a tape program. `line` is the line of the case that recorded it; 0 when there is none."""

    line: int = 0


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The place of a leaf among leaves that belong together, as the parameters of a module do: `group["key"]`."""

    group: str
    key: str


class Leaf(Statement, frozen=True, tag="leaf"):
    """A tensor made by the user, with requires_grad=True.

    shape: of an empty tensor, whose shape no nested lists can say: `(0, 3)`.
    """

    target: str
    data: Any
    dtype: str
    member: Member | None = None
    shape: Shape | None = None


class Constant(Statement, frozen=True, tag="constant"):
    """A tensor made by the user, with requires_grad=False. shape: as that of a leaf."""

    target: str
    data: Any
    dtype: str
    shape: Shape | None = None


class Apply(Statement, frozen=True, tag="apply"):
    """An op out of place. The result is a new storage, or an alias of the operand when the op is a view."""

    target: str
    op: str
    operands: tuple[Operand, ...]
    attributes: dict[str, Attribute] = {}


class Unpack(Statement, frozen=True, tag="unpack"):
    """`a, b = source.unbind()`: all the views that an op returns at once, each under its own name."""

    targets: tuple[str, ...]
    op: str
    source: str
    attributes: dict[str, Attribute] = {}

    @property
    def pieces(self) -> tuple[Apply, ...]:
        """The same views, one by one."""
        return tuple(
            Apply(
                target=target,
                op=self.op,
                operands=(Ref(self.source),),
                attributes={**self.attributes, "position": position},
                line=self.line,
            )
            for position, target in enumerate(self.targets)
        )


class Write(Statement, frozen=True, tag="write"):
    """An op in place: `op(handle, *operands)` replaces the elements that the handle sees."""

    handle: str
    op: str
    operands: tuple[Operand, ...] = ()
    attributes: dict[str, Attribute] = {}


class ItemWrite(Statement, frozen=True, tag="item-write"):
    """`handle[index] = value`, where `handle[index]` is a view. A write by positions or a mask is a Write."""

    handle: str
    index: BasicIndex
    value: Operand


class Detach(Statement, frozen=True, tag="detach"):
    """An alias of the same storage, and of the same version counter, without history."""

    target: str
    source: str


class Data(Statement, frozen=True, tag="data"):
    """`.data`: an alias of the same storage without history, with a version counter of its own."""

    target: str
    source: str


class AssignData(Statement, frozen=True, tag="assign-data"):
    """`handle.data = source`: the tensor shares the storage of `source` from then on; history and version stay."""

    handle: str
    source: str


class DetachInPlace(Statement, frozen=True, tag="detach-in-place"):
    """`handle.detach_()`: the tensor itself loses its history; what was recorded of it before keeps it."""

    handle: str


class RequiresGrad(Statement, frozen=True, tag="requires-grad"):
    """`handle.requires_grad_(flag)`."""

    handle: str
    flag: bool = True
    member: Member | None = None


class EnterGradMode(Statement, frozen=True, tag="enter-grad-mode"):
    """Opens a block: `with torch.no_grad():`, or another mode. `flag` is the argument of those that take one."""

    mode: Literal["no_grad", "enable_grad", "set_grad_enabled", "inference_mode"]
    flag: bool = True


class ExitGradMode(Statement, frozen=True, tag="exit-grad-mode"):
    """Closes the innermost grad-mode block; the mode before it is back."""


class SetGradMode(Statement, frozen=True, tag="set-grad-mode"):
    """`torch.set_grad_enabled(flag)` on a line of its own: until the block around it closes."""

    flag: bool


class EnterSavedTensorsHooks(Statement, frozen=True, tag="enter-saved-tensors-hooks"):
    """Opens a `with torch.autograd.graph.saved_tensors_hooks(pack, unpack):` block: either clones, or changes nothing.

    What ops in it save is packed. Backward reads what is unpacked, and does not check its version.
    """

    pack_clones: bool
    unpack_clones: bool


class ExitSavedTensorsHooks(Statement, frozen=True, tag="exit-saved-tensors-hooks"):
    """Closes the block, which has to be the innermost one."""


class RetainGrad(Statement, frozen=True, tag="retain-grad"):
    """`handle.retain_grad()`."""

    handle: str


class RegisterHook(Statement, frozen=True, tag="register-hook"):
    """A tensor hook: the cotangent arrives as `parameter`, `body` runs on it, `result` replaces it.

    A `result` of None leaves the cotangent as it is.
    place: of a hook on the node that made the tensor, whether it edits what goes into the node's backward step, before
        it, or what the step gives for the node's one operand, after it.
    """

    target: str
    handle: str
    parameter: str
    body: tuple[Apply, ...]
    result: Operand | None
    place: Literal["tensor", "before", "after"] = "tensor"


class BackwardRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The backward rule of a function: from the cotangents of its results to one for each parameter.

    cotangents: a name for each result's. saved: names of the function's body that the rule reads.
    results: for each parameter its cotangent, or None where the rule gives it none.
    non_differentiable: results of the function, by name, that carry no history.
    once_differentiable: PyTorch refuses to differentiate the rule.
    """

    cotangents: tuple[str, ...]
    saved: tuple[str, ...]
    body: tuple[Apply, ...]
    results: tuple[Ref | None, ...]
    non_differentiable: tuple[str, ...] = ()
    once_differentiable: bool = False


class DefineFunction(Statement, frozen=True, tag="define-function"):
    """A function: `body` runs on the parameters and makes the results. With a `rule`, its derivative is that rule's."""

    target: str
    parameters: tuple[str, ...]
    body: tuple[Apply, ...]
    results: tuple[Ref, ...]
    rule: BackwardRule | None = None


class CallFunction(Statement, frozen=True, tag="call-function"):
    """`targets = function(*inputs)`. Under `checkpoint`, backward computes again what the body would have saved."""

    targets: tuple[str, ...]
    function: str
    inputs: tuple[str, ...]
    checkpoint: bool = False


class Jvp(Statement, frozen=True, tag="jvp"):
    """`torch.func.jvp(function, inputs, tangents)`: binds the results of a function, then the tangent of each."""

    targets: tuple[str, ...]
    function: str
    inputs: tuple[str, ...]
    tangents: tuple[str, ...]


class RemoveHook(Statement, frozen=True, tag="remove-hook"):
    """`hook.remove()`."""

    hook: str


class Backward(Statement, frozen=True, tag="backward"):
    """`root.backward(gradient, ...)`, or `torch.autograd.backward(roots, gradients, ...)` with several roots.

    Adds to `.grad` of every leaf that the roots' history reaches, or of those among `inputs` where any are named.
    gradients: one cotangent for each root, None for a root of one element; empty where none is given.
    """

    roots: tuple[str, ...]
    gradients: tuple[str | None, ...] = ()
    inputs: tuple[str, ...] = ()
    retain_graph: bool = False
    create_graph: bool = False


class AutogradGrad(Statement, frozen=True, tag="autograd-grad"):
    """`targets = torch.autograd.grad(outputs, inputs, gradients, ...)`: one new tensor for each input.

    An input that the outputs do not depend on has None under `allow_unused`, zeros under `materialize_grads`.
    """

    targets: tuple[str, ...]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    gradients: tuple[str | None, ...] = ()
    retain_graph: bool = False
    create_graph: bool = False
    allow_unused: bool = False
    materialize_grads: bool = False


class Grad(Statement, frozen=True, tag="grad"):
    """Binds the tensor that `source.grad` holds: the same tensor until `.grad` is assigned or made anew."""

    target: str
    source: str


class SetGrad(Statement, frozen=True, tag="set-grad"):
    """`handle.grad = source`: the slot holds that very tensor from then on, or None."""

    handle: str
    source: str | None = None


ReadKind = Literal[
    "value", "grad", "is_leaf", "requires_grad", "retains_grad", "grad_fn", "version", "dtype", "shares_storage"
]


class Read(Statement, frozen=True, tag="read"):
    """An observation at this point of the program. `name` is unique in the program.

    naive: what the naive port is declared to show instead; None where it is declared to show nothing else.
    """

    name: str
    what: ReadKind
    handle: str
    other: str | None = None
    expected: Expected | None = None
    naive: Any = None


class Warned(Statement, frozen=True, tag="warned"):
    """A declaration: PyTorch gives a warning with this fragment at a statement that is no read."""

    name: str
    warning: str
    concept: str


HookStatement = (
    Apply | Write | ItemWrite | Detach | Data | AssignData | Grad | SetGrad | EnterGradMode | ExitGradMode
)  # fmt: skip
"""What a hook on a leaf may do after a gradient was added."""


class RegisterPostAccumulateGradHook(Statement, frozen=True, tag="register-post-accumulate-grad-hook"):
    """A hook on a leaf: once a backward has added to its `.grad`, `body` runs, and calls the leaf `parameter`.

    The names in the body are its own. Nothing in it is recorded, as in PyTorch, where grad mode is off there.
    """

    target: str
    handle: str
    parameter: str
    body: tuple[HookStatement, ...]


class EnterHook(Statement, frozen=True, tag="enter-hook"):
    """What a walk meets behind a backward that runs a hook: then come the statements of the hook, and ExitHook.

    A program has none of the two written in it.
    """

    registered: RegisterPostAccumulateGradHook


class ExitHook(Statement, frozen=True, tag="exit-hook"):
    """The hook that a backward ran is at its end."""


Refusable = (
    Apply | Write | ItemWrite | Backward | AutogradGrad | SetGrad | DetachInPlace | RequiresGrad | RetainGrad
    | RegisterHook | RegisterPostAccumulateGradHook
)  # fmt: skip
"""Statements that a framework may refuse, so that a case may declare it."""

Inlinable = Apply | Detach | Data | Grad | CallFunction
"""Statements whose result may be written inside the one statement that uses it."""


class Attempt(Statement, frozen=True, tag="attempt"):
    """A statement that at least one framework is declared to refuse.

    torch, jax: a stable fragment of `"Type: message"`, or None where that framework raises nothing.
    """

    name: str
    attempted: Refusable
    torch: str | None
    jax: str | None
    concept: str


AnyStatement = (
    Leaf | Constant | Apply | Unpack | Write | ItemWrite | Detach | DetachInPlace | Data | AssignData | RequiresGrad
    | EnterGradMode | ExitGradMode | SetGradMode | EnterSavedTensorsHooks | ExitSavedTensorsHooks | RetainGrad
    | RegisterHook | RegisterPostAccumulateGradHook | RemoveHook | DefineFunction | CallFunction | Jvp | Backward
    | AutogradGrad | Grad | SetGrad | Read | Attempt | Warned
)  # fmt: skip

Step = AnyStatement | EnterHook | ExitHook
"""What a walk over a program meets: its statements, and after each backward what the hooks of leaves do."""


def unwrap(statement: Statement) -> Statement:
    """The statement itself, or the one inside an Attempt."""
    return statement.attempted if isinstance(statement, Attempt) else statement


# ---- the names a statement uses and binds ----


HANDLE_FIELDS = frozenset(
    {"handle", "source", "roots", "outputs", "gradients", "inputs", "function", "tangents", "hook", "other"}
)
OPERAND_FIELDS = frozenset({"operands", "value"})
TARGET_FIELDS = frozenset({"target", "targets"})
"""The fields in which a statement names what it uses and binds, one name or a tuple of them; a new kind of statement
uses these names, or adds one here."""


@functools.cache
def _naming_fields(kind: type[Statement]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name in HANDLE_FIELDS or name in OPERAND_FIELDS)


def used(statement: Statement) -> tuple[str, ...]:
    """Every handle and hook that a statement refers to, in order, repeats included."""
    statement = unwrap(statement)
    found: list[str] = []
    for name in _naming_fields(type(statement)):
        value = getattr(statement, name)
        items = value if isinstance(value, tuple) else (value,)
        if name in HANDLE_FIELDS:
            found += [item for item in items if item is not None]
        else:
            found += [item.name for item in items if isinstance(item, Ref)]
    return tuple(found)


def bound(statement: Statement) -> tuple[str, ...]:
    """The names that a statement binds, in order."""
    statement = unwrap(statement)
    if hasattr(statement, "targets"):
        return tuple(statement.targets)
    return (statement.target,) if hasattr(statement, "target") else ()


def renamed(statement: Statement, names: dict[str, str]) -> Statement:
    """The same statement with every handle and hook renamed."""

    def other_name(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(other_name(item) for item in value)
        if isinstance(value, Ref):
            return Ref(names.get(value.name, value.name))
        return names.get(value, value) if isinstance(value, str) else value

    if isinstance(statement, Attempt):
        return msgspec.structs.replace(statement, attempted=renamed(statement.attempted, names))
    fields = (*_naming_fields(type(statement)), *(TARGET_FIELDS & set(statement.__struct_fields__)))
    changes = {name: other_name(getattr(statement, name)) for name in fields}
    return msgspec.structs.replace(statement, **changes) if changes else statement


NESTING = 8
"""An expression nests this many intermediates at most; a longer one is split over several lines."""


def inlined_names(statements: Sequence[Statement], results: Sequence[Operand | None] = ()) -> set[str]:
    """Names that are written inside the one statement that uses them, never on a line of their own.

    Such a name starts with an underscore, is used once, and nothing but other such definitions stands between its
    definition and its use, so the order in which things happen does not change. `results`: what a function returns,
    which is one more use of each at the end.
    """
    returned = [result.name for result in results if isinstance(result, Ref)]
    uses: dict[str, int] = {}
    for name in (*(name for statement in statements for name in used(statement)), *returned):
        uses[name] = uses.get(name, 0) + 1
    inlined: set[str] = set()
    pending: dict[str, int] = {}
    for statement in statements:
        read = [name for name in used(statement) if name in pending]
        depth = 1 + max((pending[name] for name in read), default=0)
        inlined.update(read)
        for name in read:
            del pending[name]
        target = bound(statement)[0] if isinstance(statement, Inlinable) and len(bound(statement)) == 1 else ""
        if target.startswith("_") and uses.get(target) == 1 and depth <= NESTING:
            pending[target] = depth
        else:
            pending.clear()
    return inlined | (pending.keys() & set(returned))
