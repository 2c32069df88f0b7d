"""The JAX leg: prints the pure program as JAX a person would write, and runs what it printed.

`print_jax` prints and imports no framework; `running` alone imports jax, to run what was printed.

What is printed stands at top level, in the function of a backward, or in the function of updates that compute the same:
each is a *scope*, which gives its values names and writes their expressions.

Bottom up: `trees` and `names` are small pieces of text; `dialect` says how numbers, ops and dtypes are written in this
program; `definitions` are functions of the program and of its hooks, `dictionaries` hold leaves that belong together;
`scope` has names and expressions, and `gradients` the scopes that take gradients: `body` is one function of a backward,
`backwards` are all of them; `updates` are functions of updates; `script` is the top level, and the whole.
"""

from __future__ import annotations

from compare.jax_leg.running import jax_settings, last_function, run_jax
from compare.jax_leg.script import Check, print_jax

__all__ = ["Check", "jax_settings", "last_function", "print_jax", "run_jax"]
