"""Small tape programs in plain PyTorch, one idea each, in which a tape and a pure function are easily mixed up.

Every program makes its own tensors and returns the tensors of interest by name. Whoever checks one reads the value of
each, and the `.grad` of those that collect one: leaves that require a gradient, and tensors that retain theirs.
"""

from torture_programs import (
    backward_calls,
    custom_functions,
    detaching,
    dtypes,
    gradient_modes,
    higher_order,
    hooks,
    in_place,
    indexing,
    kinks,
    leaves,
    leaving_the_tape,
    optimizers,
    random_draws,
    retained_gradients,
    saved_values,
    transforms,
    views,
)
from torture_programs.registry import PROGRAMS, Tensors, TortureProgram

__all__ = ["PROGRAMS", "Tensors", "TortureProgram"]
