"""What recording costs over plain eager PyTorch. Run with: make benchmark

(a) 1,000 small ops and their backward pass, where Python's own share is largest.
(b) one training step of the convolutional network in `examples/torch/`: the first of a recording, which takes copies of
    all tensors it meets and is charged with the start and the end; and a later one. On the 8 images of the example a
    step takes less than 3 ms, so that what a recording costs for each call shows most: larger batches are told, too.
    The optimizer's step is one event, whose calls are found later; a mode that does nothing sees them one by one.

The recorder alone, without the translation, in seconds of the processor. Each figure is the median of paired runs,
taken in turn, so that a machine that drifts does not favour either side.
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
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from compare.recording.recorder import Recorder

PAIRS = 41
CONVNET = Path(__file__).parents[1] / "examples" / "torch" / "convnet_with_batch_norm_and_dropout.py"
Run = Callable[[], object]


class Idle(TorchFunctionMode):
    """Calls what it is asked to call: the least that seeing PyTorch's calls can cost."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return function(*args, **(kwargs or {}))


def small_ops() -> None:
    """A chain of 1,000 ops on four numbers."""
    x = torch.ones(4, requires_grad=True)
    y = x
    for _ in range(500):
        y = torch.tanh(y * 1.01)
    y.sum().backward()


def convnet_step(repeats: int) -> Run:
    """One step of the example: its model, its data so many times over, its optimizer."""
    with contextlib.redirect_stdout(io.StringIO()):
        names = runpy.run_path(str(CONVNET), run_name="__main__")
    model, optimizer, images, labels = (names[name] for name in ("model", "optimizer", "images", "labels"))
    images, labels = images.repeat(repeats, 1, 1, 1), labels.repeat(repeats)
    model.train()

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def seconds(run: Run) -> float:
    """What a plain run takes."""
    gc.collect()
    started = time.process_time()
    run()
    return time.process_time() - started


def recorded(run: Run) -> float:
    """A whole recording: making the recorder, and undoing what it stood in for, included."""

    def record() -> None:
        with Recorder().running():
            run()

    return seconds(record)


def recorded_later(run: Run) -> float:
    """A run in the middle of a recording, that of a training loop."""
    with Recorder().running():
        run()
        return seconds(run)


def watched(run: Run) -> float:
    """A run under a function mode that does nothing."""
    with Idle():
        return seconds(run)


def report(what: str, limit: str, measure: Callable[[Run], float], run: Run) -> None:
    """Print the median of paired ratios, and the medians of both."""
    measure(run), seconds(run)
    pairs = [(measure(run), seconds(run)) for _ in range(PAIRS)]
    ratio = statistics.median(one / against for one, against in pairs)
    own, plain = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    print(f"{what}: {own:.2f} ms, plain {plain:.2f} ms: ratio {ratio:.3f} ({limit})", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    report("(a) 1,000 small ops", "at most 3", recorded, small_ops)
    for count in (1, 16, 128, 512):
        step = convnet_step(count)
        what = f"(b) convnet, {8 * count} images"
        report(f"{what}, first step", "at most 1.1", recorded, step)
        report(f"{what}, later step", "at most 1.1", recorded_later, step)
        report(f"{what}, a mode that does nothing", "for comparison", watched, step)
