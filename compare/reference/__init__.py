"""The reference leg: an interpreter of the tape program itself, in 50-digit arithmetic. The third opinion.

NumPy has real views and real in-place writes, so aliasing needs no model: a view is a NumPy view.

A gradient is asked of a *probe*: a leaf, or the newest producer of another tensor. For every element of a probe the
program also runs with that element moved a little up, and a little down. Beside its value, each family of aliases
carries one *shift* per such run that moves it: how far every element is moved there. Shifts alias like values do, and
the tape's rules become short:

- the shift of an op's result is `op(value + shift) - op(value)`; under no_grad there is none;
- a detached alias shares the value and has no shift: it is a family of its own;
- a recorded write replaces the value and, for its own family, the shifts;
- any other write replaces the value only: "value of the new, derivative of the old".

A complex element is moved along each of its parts, and its gradient puts the two derivatives together as PyTorch does:
that of x + iy is dL/dx + i dL/dy. A storage holds complex numbers as their parts, along one more axis at the end, so
that the views of real and imaginary parts are NumPy views as well.

The root's shift over the step is a one-sided derivative of the program as it was computed. Nothing is linearized in
between: the norm at zero is a kink, where a chain rule would meet 0 * inf.

A gradient that is itself differentiated has shifts too. Where a run moves the root both inside and outside, by a step
for the gradient and a step for the derivative of the gradient, it tells what the gradient is in the program moved
outside; less what it is in the program itself, that is its shift. The step inside is the smaller one by far, so that
kinks of gradients are told like other kinks, and the working precision grows with the order. What such a gradient
depends on in PyTorch, and whether it requires grad at all, is up to PyTorch's formulas: `compare.ops.formulas`.

Where exact numbers cannot decide, the reference is *withdrawn*: it observes nothing, and gives the reason as a warning.

- A derivative that comes out as nan: the function has none there, or a value on the way is not finite. What is linear
  in the moved operand stays known beside infinities and nan, and an element that is not moved contributes 0.
- A zero that may be negative, where its sign decides: mpmath has no -0.0. `compare.ops.exact` says when.
- A float64 number behind float32 arithmetic: its error is that of float32, and exact numbers do not round. A cast does
  round; a gradient that passes a float32 tensor is rounded there. What is float32 itself is judged as float32.
- A complex result of, or beside, an infinity or nan: what its parts are depends on how they were multiplied out.
- An integer beyond int64, which wraps around.
- A derivative of a gradient, where it would take too many runs; at a place whose own value PyTorch's formula reads, or
  another gradient was computed through; and beyond second derivatives, whether it is None, zeros or requires grad.
- What is the memory of a gradient: its version, and a result of autograd.grad that is written to.

Of what depends on eigenvectors or singular vectors it has its own choice of sign, and says so: it makes no leg wrong.

Bottom up: `arithmetic`, `layout` and `doubts` are about numbers; `plan` and `moves` say what is moved; `tensors` and
`recording` are the tape; `pullback`, `slots` and `differentiation` take gradients; `interpreter` reads statements.
"""

from __future__ import annotations

from compare.reference.interpreter import run_reference

__all__ = ["run_reference"]
