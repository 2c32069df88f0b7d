"""The tape as PyTorch holds it: what made every tensor, what a backward needs of it, and which leaves it reached."""

from __future__ import annotations

from typing import Any

from compare.checks import find_op
from compare.facts import SAVED_TENSORS_HOOKS, Facts, Handle
from compare.ops import Op
from compare.pictures.graph import Graph, Node, NodeKind
from compare.pictures.history import History
from compare.pictures.memory import Memory
from compare.pictures.printed import Printed, typed
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
)

__all__ = ["tape_graph", "tape_picture"]

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


class _Tape:
    """The walk, with what it knows of tensors by their numbers, and of their families.

    graph: what is drawn. history: its edges. memory: the storages. printed: how statements are told.
    """

    def __init__(self, program: Program, source: Source) -> None:
        self.graph = Graph(f"The tape of {program.id}")
        self.history = History(self.graph)
        self.memory = Memory()
        self.printed = Printed(program, source)
        # By tensor, the node that made it.
        self.producers: dict[int, int] = {}
        # By family, the node that made its root last, and that of the newest recorded write: views hang on it anew.
        self.roots: dict[int, int] = {}
        self.renewed: dict[int, int] = {}
        # By family, whether it requires grad.
        self.tracked: dict[int, bool] = {}
        # By family of a leaf, its node, and the nodes that added to its `.grad`.
        self.leaves: dict[int, int] = {}
        self.slots: dict[int, list[int]] = {}
        # By node of a leaf, how many gradients arrived.
        self.arrived: dict[int, int] = {}
        self.last_backward: int | None = None
        # The hooks that the statements are in.
        self.hooks: list[RegisterPostAccumulateGradHook] = []
        self.index = 0

    # -- nodes and edges --

    def node(self, kind: NodeKind, statement: Step, handle: Handle | None, *words: str, text: str = "") -> int:
        """Add a node for a statement. Returns its place."""
        found = ([typed(handle.shape, handle.dtype)] if handle is not None else []) + [one for one in words if one]
        if statement.line:
            found.append(f"line {statement.line}")
        storage = handle.storage.number if handle is not None else None
        said = text or self.printed.said(self.index, statement, in_hook=bool(self.hooks))
        sign = getattr(statement, "op", type(statement).__name__)
        return self.graph.add(Node(kind, said, found, self.index, statement.line, storage, sign))

    def holds(self, handle: Handle, node: int) -> None:
        """The node made this tensor."""
        self.producers[handle.tensor] = node
        if handle.link is None:
            self.roots[handle.family.number] = node
        self.tracked[handle.family.number] = handle.requires_grad
        self.memory.holds(handle)

    def maker(self, handle: Handle, statement: Step) -> int | None:
        """The node that the tensor hangs on now; a view whose base was written is taken again, and gets a new one."""
        family = handle.family.number
        if handle.link is None:
            return self.roots.get(family, self.producers.get(handle.tensor))
        made, write = self.producers.get(handle.tensor), self.renewed.get(family)
        if made is None or write is None or write <= made:
            return made
        again = self.node("view", statement, handle, "taken again", text=handle.name.lstrip("_") or "view")
        self.history.edge(self.roots.get(family, write), again, history=handle.requires_grad)
        self.producers[handle.tensor] = again
        return again

    def reads(self, node: int, handle: Handle, statement: Step, *, history: bool, cut: str = "") -> None:
        """An edge from what made a tensor to a node that reads it."""
        made = self.maker(handle, statement)
        if made is not None and made != node:
            self.history.edge(made, node, history=history, cut="" if history else cut)
        self.reads_memory(node, handle)

    def reads_memory(self, node: int, handle: Handle) -> None:
        """An edge from a write through another alias, the first time that this one is read after it."""
        write = self.memory.read(node, handle)
        if write is not None:
            self.history.edge(write, node, storage=True)

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
                self.data(inner, facts.handles[inner.target])
            case Apply():
                self.apply(inner, handles, facts)
            case Unpack():
                self.unpack(inner, handles[inner.source], facts)
            case Detach() | Data():
                self.alias(inner, handles[inner.source], facts.handles[inner.target])
            case DetachInPlace():
                self.detach_in_place(inner, handles[inner.handle], facts.handles[inner.handle])
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

    def data(self, statement: Leaf | Constant, handle: Handle) -> None:
        node = self.node("leaf" if isinstance(statement, Leaf) else "constant", statement, handle)
        self.graph.nodes[node].text = statement.target
        self.holds(handle, node)
        if isinstance(statement, Leaf):
            self.leaves[handle.family.number] = node

    def tag(self, handle: Handle, statement: Step, word: str) -> None:
        made = self.maker(handle, statement)
        if made is not None and word not in self.graph.nodes[made].words:
            self.graph.nodes[made].words.append(word)

    def refused(self, statement: Step, handles: dict[str, Handle]) -> None:
        """A statement that PyTorch refuses: nothing follows from it."""
        if isinstance(statement, Backward | AutogradGrad):
            given = statement.roots if isinstance(statement, Backward) else statement.outputs
            roots = [self.producers.get(handles[name].tensor) for name in given]
            self.tell_written(self.history.above([root for root in roots if root is not None]))
        node = self.node("refused", statement, None, "PyTorch raises")
        for handle in handles.values():
            made = self.roots.get(handle.family.number) if handle.link is None else self.producers.get(handle.tensor)
            if made is not None:
                self.history.edge(made, node, cut="raises")

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

    def unpack(self, statement: Unpack, base: Handle, facts: Facts) -> None:
        pieces = [facts.handles[target] for target in statement.targets]
        made = self.maker(base, statement)
        node = self.node("view", statement, pieces[0])
        self.view_edge(node, base, pieces[0], made, facts)
        for piece in pieces:
            self.holds(piece, node)

    def view_edge(self, node: int, base: Handle, view: Handle, made: int | None, facts: Facts) -> None:
        has_node = view.link is not None and view.link.has_node
        if made is not None:
            cut = self.mode(facts) if base.requires_grad and not has_node else ""
            self.history.edge(made, node, history=has_node, cut=cut)
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
        kept = {self.operand_name(operands[one]): operands[one] for one in places}
        if has_result:
            kept["its result"] = result
        if kept:
            names = list(kept)
            more = f" and {len(names) - MOST_SAVED} more" if len(names) > MOST_SAVED else ""
            self.graph.nodes[node].words.insert(1, f"saves {', '.join(names[:MOST_SAVED])}{more}")
        if any(mode.block == SAVED_TENSORS_HOOKS for mode in facts.modes):
            return  # what a hook packed is read in backward, whatever is written
        for name, handle in kept.items():
            self.memory.save(node, name, handle)

    def operand_name(self, handle: Handle) -> str:
        """What a node is said to keep."""
        return self.printed.operand(Ref(handle.name), in_hook=bool(self.hooks)).replace("·", "its operand")

    def alias(self, statement: Detach | Data, base: Handle, alias: Handle) -> None:
        made = self.maker(base, statement)
        node = self.node("cut", statement, alias)
        if made is not None:
            word = "detach" if isinstance(statement, Detach) else ".data"
            self.history.edge(made, node, cut=word if base.requires_grad else "")
        self.reads_memory(node, base)
        self.holds(alias, node)

    def detach_in_place(self, statement: DetachInPlace, before: Handle, after: Handle) -> None:
        made = self.maker(before, statement)
        node = self.node("cut", statement, before)
        if made is not None:
            self.history.edge(made, node, cut="detach_" if self.tracked.get(before.family.number) else "")
        self.holds(after, node)

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
            self.history.edge(made, node, history=before)
        if recorded and target.link is not None:
            base = self.roots.get(target.family.number)
            if base is not None and base != made:
                self.history.edge(base, node, history=before)
        for one in operands:
            if isinstance(one, Handle):
                history = recorded and one.requires_grad and not one.is_lost
                cut = "" if history or not one.requires_grad else self.why(one, facts)
                self.reads(node, one, statement, history=history, cut=cut)
        if not recorded and before and made is not None:
            self.history.replaces_numbers(node, made)
        self.wrote(node, after, target)
        if recorded and isinstance(statement, Write):
            self.saves(node, find_op(statement.op), [target, *operands], after, facts)

    def wrote(self, node: int, after: Handle, target: Handle) -> None:
        """From here on the tensor, its root and its views hang on this write."""
        family = target.family.number
        self.producers[target.tensor] = node
        self.roots[family] = node
        self.renewed[family] = node
        self.tracked[family] = after.requires_grad
        self.memory.wrote(node, target)

    def assign(self, statement: AssignData, handles: dict[str, Handle], facts: Facts) -> None:
        target, source = handles[statement.handle], handles[statement.source]
        made = self.maker(target, statement)
        self.maker(source, statement)
        tracked = target.requires_grad
        node = self.node("write", statement, facts.handles[statement.handle], "history kept" if tracked else "")
        if made is not None:
            self.history.edge(made, node, history=tracked)
            if tracked:
                self.history.replaces_numbers(node, made)
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
                self.history.edge(root, node, history=True)
        for one in given:
            self.reads(node, one, statement, history=False)
        ends = [self.leaves[family] for family in sorted(reached) if family in self.leaves]
        self.tell_written(self.history.flows(node, [root for root in roots if root is not None], ends))
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
                self.history.edge(root, node, history=True)
        for one in given:
            self.reads(node, one, statement, history=statement.create_graph and one.requires_grad)
        self.tell_written(
            self.history.flows(
                node, [one for one in roots if one is not None], [one for one in ends if one is not None]
            )
        )
        for result in results:
            self.holds(result, node)
            if result.requires_grad and result.is_leaf:
                self.leaves[result.family.number] = node
        self.last_backward = node

    def tell_written(self, nodes: set[int]) -> None:
        """Say of what the nodes of a backward saved where it was written in the meantime."""
        for node in sorted(nodes):
            words = self.graph.nodes[node].words
            for name in self.memory.written_since(node):
                word = f"{name} was written since"
                if word not in words:
                    words.append(word)

    def grad(self, statement: Grad, source: Handle, gradient: Handle) -> None:
        of = self.slots.get(source.family.number, []) if source.link is None else []
        last = [] if self.last_backward is None else [self.last_backward]
        node = self.node("gradient", statement, gradient, "what .grad holds")
        for one in of or last:
            self.history.edge(one, node, history=gradient.requires_grad)
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
        self.history.finish()
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
