"""What a tape holds: storages, the history and the shifts that tensors of one storage share, and the tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from compare.facts import ViewStep
from compare.ops import is_complex
from compare.reference.arithmetic import Elements, objects
from compare.reference.doubts import AT_A_KINK, BORROWED, NO_DOUBTS, Doubts, Withdrawn
from compare.reference.layout import as_stored, read, turns_zeros
from compare.reference.moves import Direction, Probe, Vectors
from compare.reference.plan import Node, Place

__all__ = ["Family", "History", "Path", "Storage", "Tensor", "Version", "merged"]


@dataclass(frozen=True)
class Path:
    """What is known of the ways that a cotangent takes from a tensor back to one node.

    reads: the nodes of the tensors that PyTorch's formulas on the way read; a gradient made with create_graph depends
        on them. results: those that a formula reads as the result of its own op. passes: the cotangent itself goes on.
    narrowed: there is a float32 tensor on the way.
    certain: PyTorch surely has such a way. exact: `reads` is what is read, not just the most that may be.
    withdrawn: why nothing is claimed of a derivative with respect to this node.
    """

    reads: frozenset[Node] = frozenset()
    results: frozenset[Node] = frozenset()
    passes: bool = True
    narrowed: bool = False
    certain: bool = True
    exact: bool = True
    withdrawn: Withdrawn | None = None

    def then(self, later: Path) -> Path:
        """The way through an op, and from its operand on along `later`."""
        read = later.passes
        return Path(
            later.reads | self.reads if read else later.reads,
            later.results | self.results if read else later.results,
            self.passes and later.passes,
            self.narrowed or later.narrowed,
            later.certain,
            self.exact and later.exact,
            later.withdrawn,
        )

    def __or__(self, other: Path) -> Path:
        return Path(
            self.reads | other.reads,
            self.results | other.results,
            self.passes or other.passes,
            self.narrowed or other.narrowed,
            self.certain or other.certain,
            self.exact and other.exact,
            self.withdrawn or other.withdrawn,
        )


History = dict[Node, Path]


def merged(histories: Iterable[Mapping[Node, Path]]) -> History:
    """The nodes that any of several histories passes."""
    result: History = {}
    for history in histories:
        for node, path in history.items():
            result[node] = result[node] | path if node in result else path
    return result


@dataclass(eq=False)
class Storage:
    """One allocation.

    value: of a gradient at a kink, the derivatives from the right. left: then those from the left, otherwise None.
    vectors: where the value is not the gradient's elements, the vectors along which it is the derivatives.
    borrowed: PyTorch may have given the memory to other tensors too, or repeat one element in it. lent: to these.
    """

    value: Elements
    doubts: Doubts = NO_DOUBTS
    left: Elements | None = None
    vectors: Vectors = None
    borrowed: bool = False
    lent: list[Storage] = field(default_factory=list)

    def written(self) -> None:
        """Withdraw what the memory may also be."""
        for storage in (*self.lent, *((self,) if self.borrowed else ())):
            storage.doubts |= Doubts(BORROWED)


@dataclass(eq=False)
class Family:
    """Tensors of one storage that share history: a base and its views.

    history: the nodes that its gradient would pass. shifts: by direction, an array like the storage's.
    order: the highest order of a derivative that it is computed from. inner: the differentiations that made those.
    """

    requires_grad: bool = False
    leaf: bool = True
    history: History = field(default_factory=dict)
    shifts: dict[Direction, Elements] = field(default_factory=dict)
    order: int = 0
    inner: frozenset[int] = frozenset()
    base: Tensor | None = None

    def shift(self, direction: Direction) -> Elements | None:
        """The shift in a run; None where none of its moves reach. A run in which only some do is another one."""
        found = self.shifts.get(direction)
        if found is None:
            reaching = frozenset(move for move in direction if move.node in self.history)
            found = self.shifts[reaching] if reaching else None
        return found

    def forget(self) -> None:
        """Start without history."""
        self.history, self.shifts, self.order, self.inner = {}, {}, 0, frozenset()


@dataclass(eq=False)
class Version:
    """A version counter: shared by a base, its views and its detached aliases; `.data` has one of its own.

    known: False for a gradient, in which PyTorch may have summed in place.
    """

    count: int = 0
    known: bool = True


@dataclass(eq=False)
class Tensor:
    """One tensor object.

    linked: whether its history is its family's. That of a view taken before its base required grad is not, nor of one
        taken under no_grad. PyTorch renews a view's history at its next use after the version counter has moved.
    has_node: of a view, whether PyTorch gave it a node: a view of such a view has one, which leads nowhere.
    passed: probes on the view itself: the node, the probe, and the number of view steps from the storage to it.
    hooks_at: the node that its hooks belong to, of a view that has any.
    grad: what its `.grad` holds. handed_on: it may be a cotangent of the program itself.
    """

    dtype: str
    storage: Storage
    family: Family
    version: Version
    born: Place
    produced: int
    chain: tuple[ViewStep, ...] = ()
    linked: bool = True
    has_node: bool = False
    recorded: bool = True
    renewed: int = 0
    passed: list[tuple[Node, Probe, int]] = field(default_factory=list)
    hooks_at: Node | None = None
    retains_grad: bool = False
    grad: Tensor | None = None
    handed_on: bool = False

    @property
    def node(self) -> Node:
        return Node(self.born, self.produced)

    @property
    def is_view(self) -> bool:
        return self is not self.family.base

    @property
    def outdated(self) -> bool:
        """Whether this is a view whose history is older than the last write."""
        return self.is_view and self.family.requires_grad and self.version.count != self.renewed

    @property
    def is_leaf(self) -> bool:
        return not self.family.requires_grad or not (self.has_node if self.is_view else not self.family.leaf)

    @property
    def surely_tracked(self) -> bool:
        """Whether PyTorch's flag is known, of a tensor that may require grad."""
        return self.family.leaf or any(path.certain for path in self.family.history.values())

    @property
    def history(self) -> History:
        if not self.linked:
            return {}
        return self.family.history | {node: Path() for node, _, _ in self.passed}

    @property
    def doubts(self) -> Doubts:
        """Those of its numbers as they are computed with."""
        doubts = self.storage.doubts
        if self.chain and turns_zeros(self.value, self.chain):
            doubts = replace(doubts, negative_zero=True)
        if doubts.unknown is None and (self.storage.left is not None or self.storage.vectors is not None):
            doubts = replace(doubts, unknown=AT_A_KINK)
        return doubts

    @property
    def value(self) -> Elements:
        return read(self.storage.value, self.chain, self.dtype)

    @property
    def moves(self) -> int:
        """How many derivatives with respect to it there are: of a complex number, one for each part."""
        return self.value.size * (2 if is_complex(self.dtype) else 1)

    def family_shift(self, direction: Direction) -> Elements | None:
        """The shift without the probes on the view itself; None where no move reaches."""
        shift = self.family.shift(direction)
        return None if shift is None else read(shift, self.chain, self.dtype)

    def shift(self, direction: Direction) -> Elements | None:
        """How far the elements are moved in a run; None where no move reaches."""
        if not self.linked:
            return None
        shift = self.family_shift(direction)
        for node, probe, depth in self.passed:
            for move in direction:
                if move.node == node:
                    offset, chain = probe.offsets[move], self.chain[depth:]
                    if chain:
                        offset = read(as_stored(offset, chain[0].dtype), chain, self.dtype)
                    shift = offset if shift is None else objects(shift + offset)
        return shift
