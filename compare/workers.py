"""Fresh processes that do jobs one after another, each within a time limit. They know nothing of cases.

A worker is a new interpreter, never a fork: a forked child deadlocks once JAX has started its threads. One that dies or
is stopped takes one job with it, and a fresh one takes its place. It stands in a process group of its own, so that
Ctrl-C on a terminal reaches this process alone, and it ends when this process does, however that ends.

No pool of the standard library does this: with `concurrent.futures`, one death loses every job. Of pebble, a job that
calls `os._exit(0)` is lost without a word until its time is over, and no job can ask for a fresh worker after itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

__all__ = ["Done", "Lost", "do_jobs", "serve"]

START_LIMIT = 300.0
"""Seconds for a worker to get ready: importing two frameworks from a cold disk takes long."""

MOST_OUTPUT = 2**28
"""Bytes that a worker may write to standard output and error: the disk belongs to everybody."""
SHOWN_OUTPUT = 2**20

_READY, _DONE, _SPENT, _LATE, _LOUD = b"r", b"d", b"s", b"l", b"o"


@dataclass(frozen=True)
class Done:
    """A job's reply, and what was written to standard output and error meanwhile."""

    reply: bytes
    output: str


@dataclass(frozen=True)
class Lost:
    """A job that ended its worker, or was ended with it.

    why: the end of a sentence about the job. output: what was written meanwhile, at last the traceback of every thread.
    """

    why: str
    output: str
    seconds: float


# ---- messages: a kind, a length, the content ----


def _send(stream: BinaryIO, kind: bytes, content: bytes = b"") -> None:
    stream.write(kind + len(content).to_bytes(8, "big") + content)
    stream.flush()


def _receive(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next message; None at the end of the stream."""
    header = stream.read(9)
    if len(header) < 9:
        return None
    length = int.from_bytes(header[1:], "big")
    content = stream.read(length)
    return (header[:1], content) if len(content) == length else None


# ---- in a worker ----


def serve(get_ready: Callable[[], None], do: Callable[[bytes], tuple[bytes, bool]]) -> NoReturn:
    """Do jobs until the parent ends.

    Args: do: takes a job; returns the reply, and whether this process is spent and a fresh one must follow.
    """
    jobs_in, replies_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # Whatever the job or native code prints must not get between the replies.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    faulthandler.enable(file=2)
    jobs: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def listen() -> None:
        while (message := _receive(jobs_in)) is not None:
            jobs.put(message[1])
        os._exit(0)  # the parent is gone, or wants no more; whatever runs has nobody to report to

    threading.Thread(target=listen, daemon=True).start()
    get_ready()
    _send(replies_out, _READY)
    while True:
        reply, spent = do(jobs.get())
        _send(replies_out, _SPENT if spent else _DONE, reply)


_BOOT = """
import importlib, json, sys
sys.path[:] = json.loads(sys.argv.pop())
module, _, function = sys.argv.pop().partition(":")
getattr(importlib.import_module(module), function)()
"""


# ---- in the parent ----


class _Worker:
    """One process and the job it is at.

    Its messages go into `events`, each with the worker itself; None is the end of its messages.
    """

    def __init__(
        self, target: str, share: int, log: Path, environment: Mapping[str, str], events: queue.SimpleQueue[_Event]
    ) -> None:
        self.share = share
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-c", _BOOT, target, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env={**os.environ, **environment},
                process_group=0 if os.name == "posix" else None,
            )
        self.written = log.open("rb")
        self.job, self.started = -1, time.monotonic()
        self.ready = False
        self.deadline = time.monotonic() + START_LIMIT
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def _listen(self, events: queue.SimpleQueue[_Event]) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while (message := _receive(self.process.stdout)) is not None:  # type: ignore[arg-type]  # a buffered reader
                events.put((self, message))
        events.put((self, None))

    def take(self, index: int, job: bytes, limit: float) -> None:
        """Start on a job. A worker that is dead already tells so by the end of its messages."""
        self.job = index
        if self.ready:
            self.begin(limit)
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            _send(self.process.stdin, b"j", job)  # type: ignore[arg-type]  # a buffered writer

    def begin(self, limit: float) -> None:
        """The time of its job begins now."""
        self.ready, self.started = True, time.monotonic()
        self.deadline = self.started + limit

    def output(self) -> str:
        """What it wrote since this was last asked; of very much the end."""
        written = os.fstat(self.written.fileno()).st_size
        if written - self.written.tell() > SHOWN_OUTPUT:
            self.written.seek(written - SHOWN_OUTPUT)
        return self.written.read().decode("utf-8", "replace")

    def is_loud(self) -> bool:
        """Whether it wrote more than anybody can want."""
        return os.fstat(self.written.fileno()).st_size > MOST_OUTPUT

    def how_it_ended(self) -> str:
        """`signal SIGSEGV`, or `exit code 3`."""
        code = self.process.wait()
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"

    def tell_where_it_is(self) -> None:
        """End the process in a way that makes it write the traceback of every thread first."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self.process.send_signal(signal.SIGABRT if os.name == "posix" else signal.SIGTERM)
            self.process.wait(2)

    def kill(self) -> None:
        """End the process and whatever it started."""
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()

    def stop(self) -> None:
        """End the process, and close what leads to it."""
        self.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.written):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]  # both were asked for


_Event = tuple[_Worker, tuple[bytes, bytes] | None]


def do_jobs(
    target: str,
    jobs: Sequence[bytes],
    *,
    workers: int,
    limit: float,
    environment: Mapping[str, str],
    in_order: bool = False,
) -> Generator[tuple[int, Done | Lost]]:
    """Do jobs in fresh processes.

    Args:
        target: `module:function` that calls `serve` in a worker. limit: seconds for one job.
        environment: variables that are set for the workers.
        in_order: start jobs in their order. Otherwise each worker starts at a place of its own, because neighbours
            need the same things, and those that have done their share help the others.
    Yields: the index of each job that ended, and how, in the order in which they end.
    Raises: RuntimeError: when a worker cannot even get ready.
    """
    waiting = _shares(list(enumerate(jobs)), workers, in_order)
    events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
    staff: list[_Worker] = []
    numbers = itertools.count()
    with tempfile.TemporaryDirectory(prefix="compare-", ignore_cleanup_errors=True) as folder:

        def hire(share: int) -> None:
            job = _next_job(waiting, share)
            if job is not None:
                log = Path(folder) / f"{next(numbers)}.log"
                staff.append(_Worker(target, share, log, environment, events))
                staff[-1].take(*job, limit)

        try:
            for share in range(len(waiting)):
                hire(share)
            while staff:
                worker, message = _next_event(staff, events)
                if message is not None and message[0] == _READY:
                    worker.begin(limit)
                    continue
                index, ended = worker.job, _ending(worker, message, limit)
                job = _next_job(waiting, worker.share) if message is not None and message[0] == _DONE else None
                if job is not None:
                    worker.take(*job, limit)
                else:
                    staff.remove(worker)
                    worker.stop()
                    hire(worker.share)
                yield index, ended
        finally:
            for worker in staff:
                worker.stop()


_Jobs = deque[tuple[int, bytes]]


def _shares(jobs: list[tuple[int, bytes]], workers: int, in_order: bool) -> list[_Jobs]:
    """The jobs of each worker: neighbours, or all of them in one queue for all."""
    workers = max(1, min(workers, len(jobs)))
    if in_order:
        return [deque(jobs)] * workers
    bounds = [len(jobs) * number // workers for number in range(workers + 1)]
    return [deque(jobs[start:end]) for start, end in itertools.pairwise(bounds)]


def _next_job(waiting: list[_Jobs], share: int) -> tuple[int, bytes] | None:
    """The next job of a worker's share; then the last one of whoever has most to do."""
    if waiting[share]:
        return waiting[share].popleft()
    longest = max(waiting, key=len)
    return longest.pop() if longest else None


def _next_event(staff: Sequence[_Worker], events: queue.SimpleQueue[_Event]) -> _Event:
    """Wait for a worker's message, its end, or the end of its time, which is told as a message of its own."""
    while True:
        now = time.monotonic()
        for worker in staff:
            if now >= worker.deadline:
                return worker, (_LATE, b"")
            if worker.is_loud():
                return worker, (_LOUD, b"")
            if worker.process.poll() is not None:
                # What it started may hold its end of the pipe open.
                worker.kill()
        with contextlib.suppress(queue.Empty):
            worker, message = events.get(timeout=min(0.5, min(worker.deadline for worker in staff) - now))
            if worker in staff:
                return worker, message


def _ending(worker: _Worker, message: tuple[bytes, bytes] | None, limit: float) -> Done | Lost:
    """How the job of a worker ended. Raises RuntimeError when the worker had not even started on it."""
    if message is not None and message[0] not in (_LATE, _LOUD):
        return Done(message[1], worker.output())
    if message is None:
        why = f"the process that ran it ended with {worker.how_it_ended()}"
    elif message[0] == _LOUD:
        worker.kill()
        why = f"it wrote more than {MOST_OUTPUT // 2**20} MiB to its standard output"
    else:
        worker.tell_where_it_is()
        why = f"it did not end within {limit:g} seconds"
    if not worker.ready:
        raise RuntimeError(f"A worker could not get ready: {why}.\n{worker.output()}")
    return Lost(why, worker.output(), time.monotonic() - worker.started)
