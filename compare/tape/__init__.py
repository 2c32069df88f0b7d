"""The neutral vocabulary a case is written in. Running a case on a `Tape` records a `Program`.

Values use Python's operators and the names of the op vocabulary, as methods or as `tape.name(...)`; a trailing
underscore writes in place. Tape words (`leaf`, `detach`, `no_grad`, `retain_grad`, `backward`, ...) say what only
a tape has. A name in the program is the name that the case assigns to.

`tape` has the words, `tensors` what they return; both write into a `draft`, the program under construction. `sites`
finds out where in the case a word is said, and `running` runs a case from one end to the other.
"""

from __future__ import annotations

from compare.tape.names import usable_name
from compare.tape.running import record
from compare.tape.sites import Site, assigned_name, assigned_names, recorded_at
from compare.tape.tape import Tape
from compare.tape.tensors import Reading, Tensor

__all__ = [
    "Reading",
    "Site",
    "Tape",
    "Tensor",
    "assigned_name",
    "assigned_names",
    "record",
    "recorded_at",
    "usable_name",
]
