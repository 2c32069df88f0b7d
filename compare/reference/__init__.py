"""The reference leg: an interpreter of the tape program itself, in 50-digit arithmetic. The third opinion.

NumPy has real views and real in-place writes, so aliasing needs no model: a view is a NumPy view.

A gradient is asked of a *probe*: a leaf, or the newest producer of a tensor that retains its gradient. For every
element of a probe the program also runs with that element moved a little up, and a little down. Beside its value, each
family of aliases carries one *shift* per such *direction* that reached it: how far every element is moved in that run.
Shifts alias like values do, and the tape's rules become short:

- the shift of an op's result is `op(value + shift) - op(value)`; under no_grad there is none;
- a detached alias shares the value and has no shift: it is a family of its own;
- a recorded write replaces the value and, for its own family, the shifts;
- any other write replaces the value only: "value of the new, derivative of the old".

The root's shift over the step is a one-sided derivative of the program as it was computed. Nothing is linearized in
between: the norm at zero is a kink, where a chain rule would meet 0 * inf.

Where exact numbers cannot decide, the reference is *withdrawn*: it observes nothing, and gives the reason as a warning.

- A derivative that comes out as nan: the function has none there, or a value on the way is not finite. What is linear
  in the moved operand stays known beside infinities and nan, and an element that is not moved contributes 0.
- A zero that may be negative, where its sign decides: mpmath has no -0.0. `compare.ops.exact` says when.
- A float64 number behind float32 arithmetic: its error is that of float32, and exact numbers do not round. A cast does
  round; a gradient that passes a float32 tensor is rounded there. What is float32 itself is judged as float32.
- An integer beyond int64, which wraps around. A read of a tensor that PyTorch refuses to use.
"""

from __future__ import annotations

from compare.reference.interpreter import run_reference

__all__ = ["run_reference"]
