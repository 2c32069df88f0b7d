"""Fresh processes for jobs: a job that dies, hangs or spends its process is lost alone. No framework is imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compare.workers import Done, Lost, _next_job, _shares, do_jobs

SERVED = """
import os, signal, subprocess, sys, time
from compare.workers import serve

done = 0


def do(job):
    global done
    done += 1
    text = job.decode()
    if text == "segmentation fault":
        import ctypes
        ctypes.string_at(0)
    if text.startswith("exit"):
        print("last words")
        os._exit(int(text.split()[1]))
    if text == "hang":
        time.sleep(600)
    if text == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(600)
    if text == "with a child":
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)
    if text == "long":
        return b"x" * 3_000_000, False
    if text == "noisy":
        print("one")
        print("two", file=sys.stderr)
        os.write(1, b"three\\n")
    return f"{text} {os.getpid()} {done}".encode(), text == "spend"


def main():
    serve(lambda: None, do)


def never_ready():
    serve(lambda: sys.exit("no frameworks here"), do)
"""

Do = Callable[..., list[tuple[int, Done | Lost]]]


@pytest.fixture
def do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Do:
    (tmp_path / "jobs_of_a_test.py").write_text(SERVED, "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(*jobs: str, target: str = "main", **options: Any) -> list[tuple[int, Done | Lost]]:
        words, settings = [job.encode() for job in jobs], {"workers": 1, "limit": 60, "environment": {}} | options
        return list(do_jobs(f"jobs_of_a_test:{target}", words, **settings))

    return run


def words(ending: Done | Lost) -> list[str]:
    assert isinstance(ending, Done), ending
    return ending.reply.decode().split()


def test_one_process_does_many_jobs(do: Do) -> None:
    endings = do("a", "b", "c")
    assert [index for index, _ in endings] == [0, 1, 2]
    assert [words(ending)[0] for _, ending in endings] == ["a", "b", "c"]
    assert [words(ending)[2] for _, ending in endings] == ["1", "2", "3"]
    assert len({words(ending)[1] for _, ending in endings}) == 1


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ("segmentation fault", "the process that ran it ended with signal SIGSEGV"),
        ("exit 0", "the process that ran it ended with exit code 0"),
        ("exit 3", "the process that ran it ended with exit code 3"),
        ("interrupt", "the process that ran it ended with signal SIGINT"),
    ],
)
def test_a_job_that_ends_its_process_is_lost_alone(do: Do, job: str, why: str) -> None:
    before, lost, after = do("a", job, "b")
    assert words(before[1])[2] == "1"
    assert isinstance(lost[1], Lost)
    assert lost[1].why == why
    assert words(after[1])[2] == "1", "a fresh process follows"


def test_the_last_words_of_a_lost_job_are_kept(do: Do) -> None:
    (_, one), (_, other) = do("segmentation fault", "exit 3")
    assert "Fatal Python error: Segmentation fault" in one.output
    assert "jobs_of_a_test.py" in one.output
    assert other.output == "last words\n"


def test_a_job_has_a_time_limit(do: Do) -> None:
    started = time.monotonic()
    before, lost, after = do("a", "hang", "b", limit=1)
    assert time.monotonic() - started < 20
    assert isinstance(lost[1], Lost)
    assert lost[1].why == "it did not end within 1 seconds"
    assert "jobs_of_a_test.py" in lost[1].output, "the traceback tells where it was"
    assert 1 <= lost[1].seconds < 10
    assert words(before[1])[1] != words(after[1])[1]


def test_what_a_stopped_job_had_started_ends_too(do: Do) -> None:
    do("with a child", limit=0.5)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "import time; time.sleep(600)" not in running


def test_a_job_may_ask_for_a_fresh_process_after_it(do: Do) -> None:
    first, spending, after = (words(ending) for _, ending in do("a", "spend", "b"))
    assert first[1] == spending[1] != after[1]


def test_what_a_job_prints_comes_with_its_reply(do: Do) -> None:
    quiet, noisy, after = (ending for _, ending in do("a", "noisy", "b"))
    assert (quiet.output, noisy.output, after.output) == ("", "one\ntwo\nthree\n", "")
    assert words(noisy)[0] == "noisy"


def test_a_long_reply_arrives_whole(do: Do) -> None:
    [(_, ending)] = do("long")
    assert isinstance(ending, Done)
    assert len(ending.reply) == 3_000_000


def test_a_slow_job_does_not_hold_up_the_others(do: Do) -> None:
    endings = do("hang", "a", "b", "c", workers=2, limit=2)
    assert [index for index, _ in endings] == [2, 3, 1, 0]
    assert len({words(ending)[1] for _, ending in endings[:3]}) == 1


def test_neighbours_go_to_the_same_process_and_the_idle_help_from_the_end() -> None:
    waiting = _shares([(number, b"") for number in range(5)], 2, in_order=False)
    taken = [_next_job(waiting, share) for share in (0, 1, 0, 0, 1, 0)]
    assert [job and job[0] for job in taken] == [0, 2, 1, 4, 3, None]


def test_jobs_can_be_started_in_their_order(do: Do) -> None:
    endings = do("hang", "a", "b", "c", workers=2, limit=2, in_order=True)
    assert [index for index, _ in endings] == [1, 2, 3, 0]


def test_no_more_processes_than_jobs(do: Do) -> None:
    assert len({words(ending)[1] for _, ending in do("a", "b", workers=8)}) <= 2


def test_a_worker_that_cannot_get_ready_is_an_error(do: Do) -> None:
    with pytest.raises(RuntimeError, match=r"could not get ready: .* exit code 1\.\nno frameworks here"):
        do("a", "b", target="never_ready")


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_closing_early_stops_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, do: Do) -> None:
    endings = do_jobs("jobs_of_a_test:main", [b"a", b"hang"], workers=2, limit=60, environment={})
    _, first = next(endings)
    endings.close()
    assert not running(int(words(first)[1]))


PARENT = """
import sys
from compare.workers import do_jobs
for index, ending in do_jobs("jobs_of_a_test:main", [b"a", b"hang"], workers=1, limit=60, environment={}):
    print(ending.reply.decode(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_parent_that_dies_leaves_no_orphan(tmp_path: Path, do: Do, sent: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
    with parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline().split()[1])
        assert running(worker)
        parent.send_signal(sent)
        parent.wait(20)
        wait_until(lambda: not running(worker))
