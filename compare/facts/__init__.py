"""What is known of every handle at every point of a tape program: shape, dtype, storage, views and tape flags.

A walk over the statements checks each of them, so that a wrong program is refused at the statement that is wrong,
before any framework runs.

Bottom up: `handles` are what names stand for, and a `scope` is the names of a program or of a body in it. `operands`
and `views` say what an op takes and shows, `applying` gives its result; `writes` change versions and histories, and
`history` says where these begin and are cut. `gradients` are leaves and what `.grad` holds, `hooks` and `calls` the
functions that a program registers and calls, `blocks` its grad modes, `observations` what it reads. The `walk` is the
one place that knows all of them: it hands each statement to the module that is about it.
"""

from __future__ import annotations

from compare.facts.applying import DENSE_RESULTS
from compare.facts.blocks import SAVED_TENSORS_HOOKS
from compare.facts.handles import Handle, ViewStep, is_item, is_same
from compare.facts.operands import number_dtype
from compare.facts.walk import Facts

__all__ = ["DENSE_RESULTS", "SAVED_TENSORS_HOOKS", "Facts", "Handle", "ViewStep", "is_item", "is_same", "number_dtype"]
