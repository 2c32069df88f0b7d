"""From the tape to the pure program: no storage, no history, the same numbers and the same gradients.

Every storage holds, for each family of handles on it, the pure value of its whole extent. Reading a handle applies its
view chain to that value; writing through a handle makes a new value and leaves the other handles to be re-derived when
they are next read. A write that the tape does not record has the value of the new and the derivative of the old.

Bottom up: `walk` is where the lowering is in the program, and what came of it so far; `values` makes pure values;
`storages` knows what every handle shows; `attached` are retain_grad and hooks, which sit at values; `reach` answers
questions about the graph of values, and `refusals` says by it which backwards are not exact. What statements become:
`leaves` are tensors that are made leaves or cease to be, `tensors` ops, writes and aliases, `calls` functions,
`gradients` backwards and `.grad`; `lowering` takes them one by one, with what is observed.
"""

from __future__ import annotations

from compare.functionalize.lowering import Lowering, functionalize
from compare.functionalize.walk import Remark

__all__ = ["Lowering", "Remark", "functionalize"]
