"""What recording costs over plain eager PyTorch. Run with: make benchmark

(a) 1,000 small ops and their backward pass, where Python's own share is largest.
(b) one training step of the convolutional network in `examples/torch/`.

The recorder alone, without the translation. Each figure is the median of paired runs, taken in turn, so that a machine
that drifts does not favour either side.
"""

from __future__ import annotations

import contextlib
import gc
import io
import runpy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

from compare.recording.recorder import Recorder

PAIRS = 41
CONVNET = Path(__file__).parents[1] / "examples" / "torch" / "convnet_with_batch_norm_and_dropout.py"


def small_ops() -> None:
    """A chain of 1,000 ops on four numbers."""
    x = torch.ones(4, requires_grad=True)
    y = x
    for _ in range(500):
        y = torch.tanh(y * 1.01)
    y.sum().backward()


def convnet_step() -> Callable[[], None]:
    """One step of the example: its model, its data, its optimizer."""
    with contextlib.redirect_stdout(io.StringIO()):
        names = runpy.run_path(str(CONVNET), run_name="__main__")
    model, optimizer, images, labels = (names[name] for name in ("model", "optimizer", "images", "labels"))
    model.train()

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def seconds(run: Callable[[], None], *, recorded: bool) -> float:
    """What one run takes. Making the recorder, and undoing it, is part of it."""
    gc.collect()
    started = time.process_time()
    if recorded:
        with Recorder().running():
            run()
    else:
        run()
    return time.process_time() - started


def report(what: str, limit: float, run: Callable[[], None]) -> None:
    """Print the median of paired ratios, and the medians of both."""
    for recorded in (False, True):
        seconds(run, recorded=recorded)
    pairs = [(seconds(run, recorded=True), seconds(run, recorded=False)) for _ in range(PAIRS)]
    ratio = statistics.median(one / against for one, against in pairs)
    recorded, plain = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    print(f"{what}: recorded {recorded:.2f} ms, plain {plain:.2f} ms: ratio {ratio:.3f} (at most {limit})", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    report("(a) 1,000 small ops", 3, small_ops)
    report("(b) one step of the convnet", 1.1, convnet_step())
