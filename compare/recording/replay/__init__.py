"""From the events of a run to a tape program: what PyTorch did is done to a tape, and the tape records it.

The tape knows shapes, dtypes, storages and versions by its own rules. Where these say anything else than the tensors of
the run, the recording is refused: the two would not be the same program.

From the whole to its parts: `programs` begins and ends a program; `unknown` refuses beforehand what none can say.
`player` takes the events one by one and hands each to a part:

- `outside`: tensors that the program does not make, its leaves and constants;
- `computing`: calls that are rows or composites; `words`: calls that the tape has words of its own for;
- `gradients`: backward passes and `.grad`; `modes`: blocks in which history is recorded or not;
- `hooks` and `custom_functions`: what is played into a body of its own, by another player.

They share what is known so far: `tensors` says which tensor of the tape each tensor of the run is, `aliasing` whether
the two agree on who shares memory, `readings` what the program shows at which place, `places` lines and names, `notes`
what holds for this run only. `unseen` compares tensors at the end with what the recording saw of them. `contents` reads
events without a tape, and `vocabulary` has the words.
"""

from __future__ import annotations

from compare.recording.replay.programs import Replayed, replay, replay_as_function
from compare.recording.replay.readings import FinalGradient

__all__ = ["FinalGradient", "Replayed", "replay", "replay_as_function"]
