"""The tape as PyTorch holds it: what made every tensor, what a backward needs of it, and which leaves it reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from compare.checks import find_op
from compare.facts import SAVED_TENSORS_HOOKS, Facts, Handle
from compare.ops import Op
from compare.pictures.graph import Edge, Graph, Node, NodeKind
from compare.pictures.saved import saved_places
from compare.pictures.svg import draw
from compare.program import Program
from compare.sources import Source
from compare.statements import (
    Apply,
    AssignData,
    Attempt,
    AutogradGrad,
    Backward,
    CallFunction,
    Constant,
    Data,
    Detach,
    DetachInPlace,
    EnterHook,
    ExitHook,
    Grad,
    ItemWrite,
    Jvp,
    Leaf,
    Ref,
    RegisterHook,
    RegisterPostAccumulateGradHook,
    RequiresGrad,
    RetainGrad,
    SetGrad,
    Step,
    Unpack,
    Write,
    bound,
    inlined_names,
    used,
)

__all__ = ["statement_lines", "tape_graph", "tape_picture", "typed"]

SHORT_DTYPES = {"float": "f", "complex": "c", "int": "i"}
MOST_SAVED = 3


def tape_picture(program: Program, source: Source) -> str:
    """The tape of a checked program as an inline SVG. `source`: the program as PyTorch was printed."""
    graph, about = tape_graph(program, source)
    return draw(graph, about)


def tape_graph(program: Program, source: Source) -> tuple[Graph, str]:
    """What `tape_picture` draws, unfolded, and what is told of it to a reader who sees no picture."""
    tape = _Tape(program, source)
    for index, statement, handles, facts in program.steps():
        tape.step(index, statement, handles, facts)
    return tape.finished()


def typed(shape: tuple[int, ...], dtype: str) -> str:
    """`f64[2,3]`."""
    for word, letter in SHORT_DTYPES.items():
        if dtype.startswith(word):
            dtype = letter + dtype[len(word) :]
    return f"{dtype}[{','.join(map(str, shape))}]"


def statement_lines(source: Source) -> dict[int, str]:
    """For each tape statement the first line that came from it, where it is a whole one."""
    found: dict[int, str] = {}
    for text, origin in zip(source.text.splitlines(), source.origins, strict=True):
        if origin is not None and text.strip() not in ("", "try:"):
            found.setdefault(origin, text.strip())
    return {origin: text for origin, text in found.items() if not text.endswith(("(", "[", "{"))}


@dataclass
class _Saved:
    """A tensor that a node keeps for backward, and how often its storage had been written then."""

    name: str
    storage: int
    writes: int


@dataclass
class _Tape:
    """The walk. producers: by tensor, the node that made it; roots: by family, the node that made its root last.

    renewed: by family, the node of the newest recorded write, after which views hang on the root anew.
    slots: by family of a leaf, the nodes that added to its `.grad`. tracked: by family, whether it requires grad.
    written: by storage, how often it was written.
    aliased: by storage, the families on it. stale: the newest write, and those that have not been read since.
    origins: for a write that only replaces numbers, the node that the history goes on to, past other such writes.
    """

    program: Program
    source: Source
    graph: Graph = field(init=False)
    lines: dict[int, str] = field(init=False)
    inlined: set[str] = field(init=False)
    producers: dict[int, int] = field(default_factory=dict)
    roots: dict[int, int] = field(default_factory=dict)
    renewed: dict[int, int] = field(default_factory=dict)
    tracked: dict[int, bool] = field(default_factory=dict)
    leaves: dict[int, int] = field(default_factory=dict)
    slots: dict[int, list[int]] = field(default_factory=dict)
    last_backward: int | None = None
    written: dict[int, int] = field(default_factory=dict)
    stale: dict[int, tuple[int, set[int]]] = field(default_factory=dict)
    aliased: dict[int, set[int]] = field(default_factory=dict)
    origins: dict[int, int] = field(default_factory=dict)
    passed: set[int] = field(default_factory=set)
    saved: dict[int, list[_Saved]] = field(default_factory=dict)
    into: dict[int, list[Edge]] = field(default_factory=dict)
    out_of: dict[int, list[Edge]] = field(default_factory=dict)
    arrived: dict[int, int] = field(default_factory=dict)
    hooks: list[RegisterPostAccumulateGradHook] = field(default_factory=list)
    index: int = 0

    def __post_init__(self) -> None:
        self.graph = Graph(f"The tape of {self.program.id}")
        self.lines = statement_lines(self.source)
        self.inlined = inlined_names(self.program.statements)

    # -- nodes and edges --

    def node(self, kind: NodeKind, statement: Step, handle: Handle | None, *words: str, text: str = "") -> int:
        """Add a node for a statement. Returns its place."""
        found = ([typed(handle.shape, handle.dtype)] if handle is not None else []) + [one for one in words if one]
        if statement.line:
            found.append(f"line {statement.line}")
        storage = handle.storage.number if handle is not None else None
        said, sign = text or self.said(statement), getattr(statement, "op", type(statement).__name__)
        return self.graph.add(Node(kind, said, found, self.index, statement.line, storage, sign))

    def said(self, statement: Step) -> str:
        """The statement as it is printed; a part of one, or one inside a hook, by its op and operands."""
        whole = not self.hooks and not any(name in self.inlined for name in (*bound(statement), *used(statement)))
        if whole and self.index in self.lines:
            return self.lines[self.index]
        shown = [self.operand(Ref(name)) for name in used(statement)]
        made = ", ".join(name for name in bound(statement) if name not in self.inlined and not name.startswith("_"))
        match statement:
            case Apply():
                called = f"{statement.op}({', '.join(self.operand(one) for one in statement.operands)})"
            case Write():
                called = f"{shown[0]}.{statement.op}_({', '.join(self.operand(one) for one in statement.operands)})"
            case ItemWrite():
                called = f"{shown[0]}[...] = {self.operand(statement.value)}"
            case Detach():
                called = f"{shown[0]}.detach()"
            case Data():
                called = f"{shown[0]}.data"
            case Grad():
                called = f"{shown[0]}.grad"
            case AssignData() | SetGrad():
                word = "data" if isinstance(statement, AssignData) else "grad"
                called = f"{shown[0]}.{word} = {shown[1] if len(shown) > 1 else None}"
            case CallFunction():
                called = f"{statement.function}({', '.join(statement.inputs)})"
            case _:
                called = self.lines.get(self.index, f"{type(statement).__name__.lower()}({', '.join(shown)})")
        return f"{made} = {called}" if made and not isinstance(statement, Write | ItemWrite) else called

    def operand(self, operand: Any) -> str:
        if not isinstance(operand, Ref):
            return str(operand)
        hidden = operand.name in self.inlined or (self.hooks and operand.name.startswith("_"))
        return "·" if hidden else operand.name.lstrip("_") or "·"

    def edge(self, source: int, target: int, **settings: Any) -> Edge:
        one = Edge(source, target, **settings)
        if one.history or one.cut or one.storage:
            same = None
        else:
            same = next((other for other in self.into.get(target, []) if other.source == source), None)
        if same is None:
            self.graph.edges.append(one)
            self.into.setdefault(target, []).append(one)
            self.out_of.setdefault(source, []).append(one)
        return one

    def holds(self, handle: Handle, node: int) -> None:
        """The node made this tensor."""
        self.producers[handle.tensor] = node
        if handle.link is None:
            self.roots[handle.family.number] = node
        self.tracked[handle.family.number] = handle.requires_grad
        self.aliased.setdefault(handle.storage.number, set()).add(handle.family.number)

    def maker(self, handle: Handle, statement: Step) -> int | None:
        """The node that the tensor hangs on now; a view whose base was written is taken again, and gets a new one."""
        family = handle.family.number
        if handle.link is None:
            return self.roots.get(family, self.producers.get(handle.tensor))
        made, write = self.producers.get(handle.tensor), self.renewed.get(family)
        if made is None or write is None or write <= made:
            return made
        again = self.node("view", statement, handle, "taken again", text=handle.name.lstrip("_") or "view")
        self.edge(self.roots.get(family, write), again, history=handle.requires_grad)
        self.producers[handle.tensor] = again
        return again

    def reads(self, node: int, handle: Handle, statement: Step, *, history: bool, cut: str = "") -> None:
        """An edge from what made a tensor to a node that reads it."""
        made = self.maker(handle, statement)
        if made is not None and made != node:
            self.edge(made, node, history=history, cut="" if history else cut)
        self.reads_memory(node, handle)

    def reads_memory(self, node: int, handle: Handle) -> None:
        """An edge from a write through another alias, the first time that this one is read after it."""
        write, families = self.stale.get(handle.storage.number, (node, set()))
        if handle.family.number in families and write < node:
            families.discard(handle.family.number)
            self.edge(write, node, storage=True)

    # -- statements --

    def step(self, index: int, statement: Step, handles: dict[str, Handle], facts: Facts) -> None:
        self.index = index
        inner: Any = statement
        if isinstance(statement, Attempt):
            inner = statement.attempted
            if statement.torch is not None:
                self.refused(inner, handles)
                return
        match inner:
            case Leaf() | Constant():
                handle = facts.handles[inner.target]
                node = self.node("leaf" if isinstance(inner, Leaf) else "constant", inner, handle)
                self.graph.nodes[node].text = inner.target
                self.holds(handle, node)
                if isinstance(inner, Leaf):
                    self.leaves[handle.family.number] = node
            case Apply():
                self.apply(inner, handles, facts)
            case Unpack():
                base = handles[inner.source]
                pieces = [facts.handles[target] for target in inner.targets]
                made = self.maker(base, inner)
                node = self.node("view", inner, pieces[0])
                self.view_edge(node, base, pieces[0], made, facts)
                for piece in pieces:
                    self.holds(piece, node)
            case Detach() | Data():
                self.alias(inner, handles[inner.source], facts.handles[inner.target])
            case DetachInPlace():
                handle = handles[inner.handle]
                made = self.maker(handle, inner)
                node = self.node("cut", inner, handle)
                if made is not None:
                    self.edge(made, node, cut="detach_" if self.tracked.get(handle.family.number) else "")
                self.holds(facts.handles[inner.handle], node)
            case Write() | ItemWrite():
                self.write(inner, handles, facts)
            case AssignData():
                self.assign(inner, handles, facts)
            case RequiresGrad():
                self.requires_grad(inner, handles[inner.handle], facts.handles[inner.handle])
            case RetainGrad():
                self.tag(handles[inner.handle], inner, "retains its gradient")
            case RegisterHook() | RegisterPostAccumulateGradHook():
                self.tag(handles[inner.handle], inner, f"hook {inner.target}")
            case EnterHook():
                self.hooks.append(inner.registered)
            case ExitHook():
                self.hooks.pop()
            case CallFunction() | Jvp():
                self.call(inner, handles, facts)
            case Backward():
                self.backward(inner, handles)
            case AutogradGrad():
                self.autograd_grad(inner, handles, facts)
            case Grad():
                self.grad(inner, handles[inner.source], facts.handles[inner.target])
            case SetGrad():
                self.set_grad(inner, handles)
            case _:
                pass  # reads, grad modes and definitions make no tensor

    def tag(self, handle: Handle, statement: Step, word: str) -> None:
        made = self.maker(handle, statement)
        if made is not None and word not in self.graph.nodes[made].words:
            self.graph.nodes[made].words.append(word)

    def refused(self, statement: Step, handles: dict[str, Handle]) -> None:
        """A statement that PyTorch refuses: nothing follows from it."""
        if isinstance(statement, Backward | AutogradGrad):
            given = statement.roots if isinstance(statement, Backward) else statement.outputs
            roots = [self.producers.get(handles[name].tensor) for name in given]
            self.tell_written(self.above([root for root in roots if root is not None]))
        node = self.node("refused", statement, None, "PyTorch raises")
        for handle in handles.values():
            made = self.roots.get(handle.family.number) if handle.link is None else self.producers.get(handle.tensor)
            if made is not None:
                self.edge(made, node, cut="raises")

    def apply(self, statement: Apply, handles: dict[str, Handle], facts: Facts) -> None:
        op, result = find_op(statement.op), facts.handles[statement.target]
        operands = [handles[one.name] if isinstance(one, Ref) else one for one in statement.operands]
        if op.view is not None and isinstance(operands[0], Handle) and result.storage is operands[0].storage:
            base = operands[0]
            made = self.maker(base, statement)
            node = self.node("view", statement, result)
            self.view_edge(node, base, result, made, facts)
        else:
            for one in operands:
                if isinstance(one, Handle):
                    self.maker(one, statement)
            node = self.node("op", statement, result)
            self.operands(node, op, operands, result.requires_grad, statement, facts)
            if result.requires_grad:
                self.saves(node, op, operands, result, facts)
        self.holds(result, node)

    def view_edge(self, node: int, base: Handle, view: Handle, made: int | None, facts: Facts) -> None:
        has_node = view.link is not None and view.link.has_node
        if made is not None:
            cut = self.mode(facts) if base.requires_grad and not has_node else ""
            self.edge(made, node, history=has_node, cut=cut)
        self.reads_memory(node, base)

    def operands(self, node: int, op: Op, operands: list[Any], tracked: bool, statement: Step, facts: Facts) -> None:
        """The edges of an op's operands."""
        names = (*op.operand_names, *[""] * len(operands))
        for name, one in zip(names, operands, strict=False):
            if not isinstance(one, Handle):
                continue
            history = tracked and one.requires_grad and not one.is_lost and name not in op.without_history
            cut = "" if history or not one.requires_grad else self.why(one, facts)
            self.reads(node, one, statement, history=history, cut=cut)

    def why(self, handle: Handle, facts: Facts) -> str:
        """The word for what ended the history of an operand that requires grad."""
        if handle.is_lost:
            return "a view without a node"
        return self.mode(facts) if not facts.recording else "not differentiable"

    def mode(self, facts: Facts) -> str:
        """The word that switched recording off."""
        if self.hooks:
            return "in a hook"
        blocks = [mode.block for mode in reversed(facts.modes) if mode.block in ("no_grad", "inference_mode")]
        return blocks[0] if blocks else "set_grad_enabled(False)"

    def saves(self, node: int, op: Op, operands: list[Any], result: Handle, facts: Facts) -> None:
        """Note which tensors the node keeps: what the gradient formulas of its operands read."""
        places, has_result = saved_places(op, operands)
        kept = {self.operand(Ref(operands[one].name)).replace("·", "its operand"): operands[one] for one in places}
        if has_result:
            kept["its result"] = result
        if kept:
            names = list(kept)
            more = f" and {len(names) - MOST_SAVED} more" if len(names) > MOST_SAVED else ""
            self.graph.nodes[node].words.insert(1, f"saves {', '.join(names[:MOST_SAVED])}{more}")
        if any(mode.block == SAVED_TENSORS_HOOKS for mode in facts.modes):
            return  # what a hook packed is read in backward, whatever is written
        for name, handle in kept.items():
            number = handle.storage.number
            self.saved.setdefault(node, []).append(_Saved(name, number, self.written.get(number, 0)))

    def alias(self, statement: Detach | Data, base: Handle, alias: Handle) -> None:
        made = self.maker(base, statement)
        node = self.node("cut", statement, alias)
        if made is not None:
            word = "detach" if isinstance(statement, Detach) else ".data"
            self.edge(made, node, cut=word if base.requires_grad else "")
        self.reads_memory(node, base)
        self.holds(alias, node)

    def write(self, statement: Write | ItemWrite, handles: dict[str, Handle], facts: Facts) -> None:
        target = handles[statement.handle]
        after = facts.handles[statement.handle]
        before = self.tracked.get(target.family.number, False)
        values = statement.operands if isinstance(statement, Write) else (statement.value,)
        operands = [handles[one.name] if isinstance(one, Ref) else one for one in values]
        recorded = facts.recording and (
            before or any(isinstance(one, Handle) and one.requires_grad for one in operands)
        )
        made = self.maker(target, statement)
        for one in operands:
            if isinstance(one, Handle):
                self.maker(one, statement)
        count = after.version.count
        kept = f"history kept, {self.mode(facts)}" if before and not recorded else ""
        node = self.node("write", statement, after, f"version {count - 1} → {count}", kept)
        if made is not None:
            self.edge(made, node, history=before)
        if recorded and target.link is not None:
            base = self.roots.get(target.family.number)
            if base is not None and base != made:
                self.edge(base, node, history=before)
        for one in operands:
            if isinstance(one, Handle):
                history = recorded and one.requires_grad and not one.is_lost
                cut = "" if history or not one.requires_grad else self.why(one, facts)
                self.reads(node, one, statement, history=history, cut=cut)
        if not recorded and before and made is not None:
            self.origins[node] = self.origins.get(made, made)
        self.wrote(node, after, target)
        if recorded and isinstance(statement, Write):
            self.saves(node, find_op(statement.op), [target, *operands], after, facts)

    def wrote(self, node: int, after: Handle, target: Handle) -> None:
        """From here on the tensor, its root and its views hang on this write."""
        family, storage = target.family.number, target.storage.number
        self.producers[target.tensor] = node
        self.roots[family] = node
        self.renewed[family] = node
        self.tracked[family] = after.requires_grad
        self.written[storage] = self.written.get(storage, 0) + 1
        self.stale[storage] = node, self.aliased.get(storage, set()) - {family}

    def assign(self, statement: AssignData, handles: dict[str, Handle], facts: Facts) -> None:
        target, source = handles[statement.handle], handles[statement.source]
        made = self.maker(target, statement)
        self.maker(source, statement)
        tracked = target.requires_grad
        node = self.node("write", statement, facts.handles[statement.handle], "history kept" if tracked else "")
        if made is not None:
            self.edge(made, node, history=tracked)
            if tracked:
                self.origins[node] = self.origins.get(made, made)
        self.reads(node, source, statement, history=False, cut=".data" if source.requires_grad else "")
        self.holds(facts.handles[statement.handle], node)

    def requires_grad(self, statement: RequiresGrad, before: Handle, handle: Handle) -> None:
        made = self.maker(before, statement)
        if made is None:
            return
        node = self.graph.nodes[made]
        if not statement.flag:
            node.words.append("requires_grad off")
        elif handle.family.number in self.leaves or not handle.is_leaf:
            return
        else:
            if node.kind == "constant":
                node.kind = "leaf"
            else:
                node.words.append("leaf from here")
            self.leaves[handle.family.number] = made
        self.producers[handle.tensor] = made
        self.roots[handle.family.number] = made
        self.tracked[handle.family.number] = handle.requires_grad

    def call(self, statement: CallFunction | Jvp, handles: dict[str, Handle], facts: Facts) -> None:
        results = [facts.handles[target] for target in statement.targets]
        given = [handles[name] for name in (*statement.inputs, *getattr(statement, "tangents", ()))]
        for one in given:
            self.maker(one, statement)
        checkpoint = isinstance(statement, CallFunction) and statement.checkpoint
        node = self.node("op", statement, results[0], "computed again in backward" if checkpoint else "")
        tracked = any(one.requires_grad for one in results)
        reached = frozenset[int]().union(*(facts.origins.get(one.tensor, frozenset()) for one in results))
        for place, one in enumerate(given):
            history = tracked and one.requires_grad and place in reached
            self.reads(node, one, statement, history=history, cut=self.why(one, facts) if one.requires_grad else "")
        for result in results:
            self.holds(result, node)

    # -- what differentiates --

    def backward(self, statement: Backward, handles: dict[str, Handle]) -> None:
        given = [handles[name] for name in statement.gradients if name is not None]
        roots = [self.maker(handles[name], statement) for name in statement.roots]
        for one in given:
            self.maker(one, statement)
        node = self.node("backward", statement, None)
        reached = frozenset[int]().union(*(handles[name].leaves for name in statement.roots))
        if statement.inputs:
            reached = frozenset(handles[name].family.number for name in statement.inputs)
        for root in roots:
            if root is not None:
                self.edge(root, node, history=True)
        for one in given:
            self.reads(node, one, statement, history=False)
        ends = [self.leaves[family] for family in sorted(reached) if family in self.leaves]
        self.flows(node, [root for root in roots if root is not None], ends)
        for family, end in zip(sorted(reached), ends, strict=False):
            self.arrived[end] = self.arrived.get(end, 0) + 1
            self.slots.setdefault(family, []).append(node)
        self.last_backward = node

    def autograd_grad(self, statement: AutogradGrad, handles: dict[str, Handle], facts: Facts) -> None:
        roots = [self.maker(handles[name], statement) for name in statement.outputs]
        ends = [self.maker(handles[name], statement) for name in statement.inputs]
        given = [handles[name] for name in statement.gradients if name is not None]
        for one in given:
            self.maker(one, statement)
        results = [facts.handles[target] for target in statement.targets]
        node = self.node("backward", statement, results[0])
        for root in roots:
            if root is not None:
                self.edge(root, node, history=True)
        for one in given:
            self.reads(node, one, statement, history=statement.create_graph and one.requires_grad)
        self.flows(node, [one for one in roots if one is not None], [one for one in ends if one is not None])
        for result in results:
            self.holds(result, node)
            if result.requires_grad and result.is_leaf:
                self.leaves[result.family.number] = node
        self.last_backward = node

    def flows(self, node: int, roots: list[int], ends: list[int]) -> None:
        """Mark the edges that lie between the ends that a gradient arrives at and the roots it starts from."""
        above = self.above(roots)
        reaches = {self.origins.get(end, end) for end in ends} & above
        for here in sorted(above):
            if here in self.origins:
                if self.origins[here] in reaches:
                    reaches.add(here)
                    self.passed.add(here)
                continue
            for one in self.into.get(here, []):
                if one.history and one.source in reaches:
                    one.flow = True
                    reaches.add(here)
        for one in self.into.get(node, []):
            one.flow = one.source in roots and one.source in reaches
        self.tell_written(reaches)

    def above(self, roots: list[int]) -> set[int]:
        """The nodes that the history of the roots goes through; writes that only replace numbers are passed by."""
        found, pending = set(roots), list(roots)
        while pending:
            here = pending.pop()
            ups = [self.origins[here]] if here in self.origins else []
            ups += [one.source for one in self.into.get(here, []) if one.history and here not in self.origins]
            pending += [up for up in ups if up not in found]
            found.update(ups)
        return found

    def tell_written(self, nodes: set[int]) -> None:
        """Say of what the nodes of a backward saved where it was written in the meantime."""
        for node in sorted(nodes):
            for saved in self.saved.get(node, []):
                word = f"{saved.name} was written since"
                if self.written.get(saved.storage, 0) > saved.writes and word not in self.graph.nodes[node].words:
                    self.graph.nodes[node].words.append(word)

    def grad(self, statement: Grad, source: Handle, gradient: Handle) -> None:
        of = self.slots.get(source.family.number, []) if source.link is None else []
        last = [] if self.last_backward is None else [self.last_backward]
        node = self.node("gradient", statement, gradient, "what .grad holds")
        for one in of or last:
            self.edge(one, node, history=gradient.requires_grad)
        self.holds(gradient, node)

    def set_grad(self, statement: SetGrad, handles: dict[str, Handle]) -> None:
        family = handles[statement.handle].family.number
        self.slots.pop(family, None)
        if statement.source is None:
            return
        source = handles[statement.source]
        self.maker(source, statement)
        node = self.node("gradient", statement, None)
        self.reads(node, source, statement, history=source.requires_grad)
        self.slots[family] = [node]

    # -- the end --

    def finished(self) -> tuple[Graph, str]:
        """The graph with what arrived at each leaf, and the same in sentences."""
        for node in sorted(self.origins, reverse=True):
            if node in self.passed:
                kept = next(one for one in self.into[node] if one.history)
                kept.flow = True
                self.passed.add(kept.source)
        names = {end: self.graph.nodes[end].text for end in self.leaves.values()}
        for end in dict.fromkeys(self.leaves.values()):
            count = self.arrived.get(end, 0)
            told = "no .grad arrives" if not count else ".grad arrives" + (f" {count} times" if count > 1 else "")
            self.graph.nodes[end].words.insert(1, told)
        reached = [names[end] for end in names if self.arrived.get(end)]
        missed = [names[end] for end in names if not self.arrived.get(end)]
        cuts = dict.fromkeys(f"{one.cut} at {self.graph.nodes[one.target].text}" for one in self.graph.edges if one.cut)
        parts = [f"{len(self.graph.nodes)} nodes, from the top: what a tensor was computed from, then the tensor."]
        parts += [f"A gradient arrives at {', '.join(reached)}."] if reached else []
        parts += [f"None arrives at {', '.join(missed)}."] if missed else []
        parts += [f"Cut: {'; '.join(list(cuts)[:8])}."] if cuts else []
        return self.graph, " ".join(parts)
