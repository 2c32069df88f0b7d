"""Pictures of a case: the tape as PyTorch holds it, and the pure graph that JAX differentiates, as inline SVG.

Drawn from the programs themselves; neither framework is imported. The layers need no graph library: statements come in
an order in which every edge goes to a later one, so that the longest path is one pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from compare.pictures.graph import MOST_NODES
from compare.pictures.pure import pure_picture
from compare.pictures.svg import verified
from compare.pictures.tape import tape_picture
from compare.program import Program
from compare.pure import PureProgram
from compare.results import Pictures
from compare.sources import Source

__all__ = ["MOST_NODES", "pictures", "pure_picture", "tape_picture", "verified"]


def pictures(program: Program, torch: Source, pure: PureProgram, jax: Source) -> Pictures:
    """Both pictures of a checked program, with the sources that were printed from it."""
    lines: Sequence[int] = [statement.line for statement in program.statements]
    return Pictures(tape=tape_picture(program, torch), pure=pure_picture(pure, jax, lines))
