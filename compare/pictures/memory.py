"""The memory of a tape: which aliases it has, how often it was written, and what nodes keep in it for backward."""

from __future__ import annotations

from dataclasses import dataclass

from compare.facts import Handle

__all__ = ["Memory"]


@dataclass(frozen=True)
class _Saved:
    """A tensor that a node keeps for backward, and how often its storage had been written then."""

    name: str
    storage: int
    writes: int


class Memory:
    """What is known of every storage so far, by its number. Nodes are given by their places."""

    def __init__(self) -> None:
        # The families on it.
        self._aliases: dict[int, set[int]] = {}
        self._writes: dict[int, int] = {}
        # The newest write, and the families that have not been read since.
        self._stale: dict[int, tuple[int, set[int]]] = {}
        # By node.
        self._saved: dict[int, list[_Saved]] = {}

    def holds(self, handle: Handle) -> None:
        """A tensor was made there."""
        self._aliases.setdefault(handle.storage.number, set()).add(handle.family.number)

    def wrote(self, node: int, handle: Handle) -> None:
        """The node wrote through this tensor."""
        family, storage = handle.family.number, handle.storage.number
        self._writes[storage] = self._writes.get(storage, 0) + 1
        self._stale[storage] = node, self._aliases.get(storage, set()) - {family}

    def read(self, node: int, handle: Handle) -> int | None:
        """The node reads a tensor. Returns: the write through another alias that it is the first to read after."""
        write, families = self._stale.get(handle.storage.number, (node, set()))
        if handle.family.number not in families or write >= node:
            return None
        families.discard(handle.family.number)
        return write

    def save(self, node: int, name: str, handle: Handle) -> None:
        """The node keeps a tensor for backward."""
        number = handle.storage.number
        self._saved.setdefault(node, []).append(_Saved(name, number, self._writes.get(number, 0)))

    def written_since(self, node: int) -> list[str]:
        """The names of what the node keeps that was written in the meantime."""
        return [one.name for one in self._saved.get(node, []) if self._writes.get(one.storage, 0) > one.writes]
