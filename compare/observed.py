"""What a leg saw. Every leg fills a `LegRun`; the judge reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = [
    "THROUGH_FLOAT32",
    "UP_TO_A_SIGN",
    "Array",
    "Directional",
    "Failure",
    "LegRun",
    "Observed",
    "OneSided",
    "Raised",
    "Surrogate",
]


@dataclass(frozen=True)
class Array:
    """A tensor that was read. `values` is a copy; `dtype` is the leg's own dtype, in neutral words (`"float32"`)."""

    values: np.ndarray[Any, Any]
    dtype: str


@dataclass(frozen=True)
class Raised:
    """An error that was caught. `message` has whitespace folded."""

    type: str
    message: str


@dataclass(frozen=True)
class OneSided:
    """A reference gradient at a kink: the derivatives from the left and from the right, elementwise.

    Where the two are equal, that element is smooth.
    """

    left: np.ndarray[Any, Any]
    right: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Directional:
    """A reference gradient of a large tensor: `derivatives[k]` is its inner product with `directions[k]`."""

    directions: tuple[np.ndarray[Any, Any], ...]
    derivatives: tuple[float, ...]


@dataclass(frozen=True)
class Surrogate:
    """The gradient was made up on purpose (a hook edits it), so no function has it as its derivative."""

    reason: str


Observed = (
    Array | Raised | OneSided | Directional | Surrogate | bool | int | float | str | None | tuple["Observed", ...]
)
"""One thing seen by one leg. Absent from `LegRun.observed` means: this leg has nothing to look at."""


@dataclass(frozen=True)
class Failure:
    """A leg stopped before its end: at which statement of the tape program, and with what."""

    statement: int | None
    type: str
    message: str
    traceback: str = ""


THROUGH_FLOAT32 = "it is computed through float32, which rounds more than float64 is judged by"
"""What the reference says of a float64 number with an error of float32; the legs are then held to float32."""
UP_TO_A_SIGN = (
    "it depends on eigenvectors or singular vectors, which are determined up to a sign (a phase, if complex) that each "
    "library chooses: neither need be wrong. Compare what no choice changes: abs(v), v * v, v[:, :1] @ v[:, :1].mT"
)
"""What the reference says of a number behind vectors of either sign: it then decides nothing between the legs."""


@dataclass
class LegRun:
    """One leg's run of one case.

    observed: by observation name, in the order seen.
    warnings: by observation name; the name `""` collects warnings at no observation. Of the reference: why it has no
        answer there.
    changed: global settings that the script left changed, in words.
    """

    leg: str
    observed: dict[str, Observed] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    failure: Failure | None = None
    changed: list[str] = field(default_factory=list)
    seconds: float = 0.0
