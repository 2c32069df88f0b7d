"""Code that does what it likes is answered clearly: proven, not proven, refused with the reason, or how it ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import msgspec
import pytest
import torch
from click.testing import CliRunner, Result

from compare.cli import cli
from compare.errors import UsageError
from compare.recording.events import Looked
from compare.recording.recorder import Recorder
from compare.results import Translation
from compare.translation import translate_script
from compare.translations import Reply, Script

START = "import torch\nx = torch.tensor([1.0, 2.0], requires_grad=True)\n"
BACKWARD = "loss = (torch.tanh(x) * 2).sum()\nloss.backward()\n"
W = "w = torch.tensor([3.0, 4.0])\nv = w * 1\n"
PRODUCT = "loss = (w * x).sum()\nloss.backward()\n"
GRAD = "(g,) = torch.autograd.grad((w * x).sum(), x)\n"


@pytest.fixture(autouse=True)
def in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def translated(source: str | bytes, name: str = "script.py") -> Translation:
    """A script written to a file and translated in this process."""
    path = Path(name)
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sparse tensors, of compiled code: the script's own business
        return translate_script(path, dtype="float64").result


# ---- code that is proven, whatever else it does ----

PROVEN = {
    "reads positions of int32": START
    + "at = torch.tensor([1, 0], dtype=torch.int32)\n(x[at] * x.gather(0, at[:].long())).sum().backward()\n",
    "prints 10 MB": START + "for _ in range(160):\n    print('x' * 65536)\n" + BACKWARD,
    "leaves with 0": START + BACKWARD + "import sys\nsys.exit(0)\n",
    "leaves with None": START + BACKWARD + "import sys\nsys.exit()\n",
    "reads its input to the end": START + "import sys\nassert sys.stdin.read() == ''\n" + BACKWARD,
    "starts a program": START + "import subprocess\nsubprocess.run(['true'], check=True)\n" + BACKWARD,
    "changes directory": START + "import os\nos.chdir('/')\n" + BACKWARD,
    "removes its directory": START
    + "import os, tempfile\nhere = tempfile.mkdtemp()\nos.chdir(here)\nos.rmdir(here)\n"
    + BACKWARD,
    "writes a file": START + "open('made.txt', 'w').close()\n" + BACKWARD,
    "is main": "import torch\nif __name__ == '__main__':\n    x = torch.tensor(2.0, requires_grad=True)\n"
    "    (x * x).backward()\n",
    "catches what PyTorch raises": START
    + "for wrong in (lambda: x.add_(1), lambda: torch.ones(2) @ torch.ones(3), lambda: (x * 2).backward()):\n"
    "    try:\n        wrong()\n    except RuntimeError:\n        pass\n" + BACKWARD,
    "catches a second backward": START + BACKWARD + "try:\n    loss.backward()\nexcept RuntimeError:\n    pass\n",
    "catches a stale version": START
    + "y = x * 1\nz = y * y\ny.add_(1)\ntry:\n    z.sum().backward()\nexcept RuntimeError:\n    pass\n"
    + BACKWARD,
    "runs a thread that makes its own tensors": START
    + "import threading\ndef work():\n    y = torch.ones(2, requires_grad=True)\n    (y * y).sum().backward()\n"
    "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n" + BACKWARD,
    "puts a function of its own into torch": START
    + "torch.relu = lambda x: x * 100\nloss = torch.relu(x).sum()\nloss.backward()\n",
    "puts an operator of its own into Tensor": START
    + "torch.Tensor.__add__ = lambda a, b: a * b\nloss = (x + x).sum()\nloss.backward()\n",
    "sets the default device late": START + BACKWARD + "torch.set_default_device('meta')\n",
    "sets the default dtype": "import torch\ntorch.set_default_dtype(torch.float32)\n" + START + BACKWARD,
    "leaves gradients off": START + BACKWARD + "torch.set_grad_enabled(False)\ny = x * 2\n",
    "leaves inference mode on": START + BACKWARD + "torch.inference_mode().__enter__()\ny = x * 2\n",
    "leaves a function mode on": START
    + "from torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n"
    "    def __torch_function__(self, function, types, args=(), kwargs=None):\n"
    "        return function(*args, **(kwargs or {}))\nMode().__enter__()\n" + BACKWARD,
    "makes warnings errors": "import warnings\nwarnings.simplefilter('error')\n" + START + BACKWARD,
    "lowers the recursion limit": START + "import sys\nsys.setrecursionlimit(90)\n" + BACKWARD,
    "makes a meta tensor that nothing uses": START + "m = torch.ones(2, device='meta')\n" + BACKWARD,
    "compiles a function of data alone": "import torch\n@torch.jit.script\ndef double(a):\n    return a * 2\n"
    + START
    + "w = double(x.detach())\n"
    + PRODUCT,
    "uses names that others use": "import torch\nlambda_ = torch.tensor(2.0, requires_grad=True)\n"
    "data = torch.tensor(3.0, requires_grad=True)\njax = torch.tensor(4.0, requires_grad=True)\n"
    "params = lambda_ * data\njnp = params * jax\nnumpy = jnp * 2\nlax = numpy * 1\n_ = lax * 2\nloss_fn = _ * 1\n"
    "sum = loss_fn * 3\nloss = sum * 1\nloss.backward()\n",
    "uses the names of builtins": "import torch\nlen = torch.tensor(2.0, requires_grad=True)\nprint = len * 3\n"
    "type = print * 2\nloss = type * 2\nloss.backward()\n",
    "uses unicode names": "import torch\nλ = torch.tensor(2.0, requires_grad=True)\n变量 = λ * 3\n"
    "ﬁ = 变量 * 2\n(ﬁ * 2).backward()\n",
    "uses a very long name": f"import torch\n{'a' * 5000} = torch.tensor(2.0, requires_grad=True)\n"
    f"({'a' * 5000} * 2).backward()\n",
    "defines one variable 50 times": START
    + "".join(f"y = x * {number}.5\n" for number in range(50))
    + "y.sum().backward()\n",
    "holds NaN and infinities": "import torch\ninf, nan = float('inf'), float('nan')\n"
    "x = torch.tensor([nan, inf, -inf, -0.0], requires_grad=True)\n(x * x).sum().backward()\n",
    "has a gradient that is infinite": "import torch\nx = torch.tensor([-1.0, 0.0], requires_grad=True)\n"
    "torch.log(x).sum().backward()\n",
    "has an empty tensor": "import torch\nx = torch.zeros(0, requires_grad=True)\n(x * 2).sum().backward()\n",
    "saves and loads": START
    + "import io\nfile = io.BytesIO()\ntorch.save(x.detach(), file)\nfile.seek(0)\nw = torch.load(file)\n"
    + PRODUCT,
    "reads through NumPy": START + W + "import numpy\nprint(w.numpy(), numpy.asarray(v))\n" + PRODUCT,
    "has a byte-order mark": "\ufeff" + START + BACKWARD,
    "has the line ends of Windows": (START + BACKWARD).replace("\n", "\r\n"),
    "names its encoding": b"# -*- coding: latin-1 -*-\n# \xe9\n" + (START + BACKWARD).encode(),
    "deletes its variables": START + BACKWARD + "del x, loss\n",
    "runs an event loop": START
    + "import asyncio\nasync def work():\n    (x * x).sum().backward()\nasyncio.run(work())\n",
}


@pytest.mark.parametrize("source", PROVEN.values(), ids=PROVEN)
def test_this_is_proven(source: str | bytes) -> None:
    result = translated(source)
    assert (result.verdict, result.reason) == ("proven", "")
    assert any(one.kind == "gradient" and one.verdict == "match" for one in result.observations)


def test_what_the_code_sets_and_replaces_is_put_back() -> None:
    def settings() -> tuple[object, ...]:
        patched = torch.relu, vars(torch.Tensor).get("__add__")
        return (*patched, Path.cwd(), sys.getrecursionlimit(), torch.is_grad_enabled(), torch.get_default_dtype())

    before = settings()
    for name in ("puts a function of its own into torch", "puts an operator of its own into Tensor",
                 "changes directory", "lowers the recursion limit", "leaves gradients off", "leaves inference mode on",
                 "sets the default device late", "sets the default dtype", "leaves a function mode on"):  # fmt: skip
        translated(PROVEN[name])
    assert settings() == before
    assert not torch.is_inference_mode_enabled()
    assert torch.ones(1).device.type == "cpu"
    assert torch._C._len_torch_function_stack() == 0


def test_a_module_beside_the_script_is_found() -> None:
    Path("beside.py").write_text("def double(a):\n    return a * 2\n", "utf-8")
    result = translated("from beside import double\n" + START + "double(x).sum().backward()\n")
    assert result.verdict == "proven"
    sys.modules.pop("beside")


# ---- code that is refused, with the reason ----

HIDDEN = "where the recording does not see it"
REFUSED = {
    "arithmetic of int32": (
        START + "at = torch.tensor([1, 0], dtype=torch.int32)\n(x * (at + 1)).sum().backward()\n",
        "PyTorch made a int32[2] here, and the row says int64[2]",
    ),
    "positions of uint8": (
        START + "at = torch.tensor([1, 0], dtype=torch.uint8)\nx[at.long()].sum().backward()\n",
        "Unknown dtype 'uint8'",
    ),
    "no tensor": ("print('hello')\n", "there is nothing to compare"),
    "nothing": ("", "there is nothing to compare"),
    "no backward": ("import torch\ny = torch.ones(3) * 2\nprint(y)\n", "there is nothing to compare"),
    "it leaves before anything": (START + "raise SystemExit\n" + BACKWARD, "there is nothing to compare"),
    "a meta tensor": (START + "y = torch.ones(2, device='meta') * 2\n" + BACKWARD, "script.py:3: a tensor on meta"),
    "the default device meta": ("import torch\ntorch.set_default_device('meta')\n"
    "" + START + BACKWARD, "a tensor on meta"),
    "a sparse tensor": (
        START + "s = torch.eye(2).to_sparse()\n(s @ x).sum().backward()\n",
        "script.py:4: A sparse tensor is modelled from to_sparse to to_dense only",
    ),
    "a sparse tensor from outside": (
        START + "s = torch.sparse_coo_tensor([[0], [1]], [1.0], (2, 2))\n(s @ x).sum().backward()\n",
        "torch.sparse_coo is not modelled",
    ),
    "a quantized tensor": (
        START + "q = torch.quantize_per_tensor(torch.ones(2, dtype=torch.float32), 0.1, 0, torch.quint8)\n"
        "(q.dequantize() * x).sum().backward()\n",
        "script.py:3",
    ),
    "a nested tensor": (
        START + "n = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])\nm = n * 2\n" + BACKWARD,
        "script.py:4",
    ),
    "a subclass": (
        "import torch\nclass Mine(torch.Tensor):\n    pass\n"
        "x = torch.ones(2).as_subclass(Mine).requires_grad_()\n(x * x).sum().backward()\n",
        "A Mine is not modelled",
    ),
    "half precision": (
        "import torch\nx = torch.ones(2, dtype=torch.float16, requires_grad=True)\n(x * x).sum().backward()\n",
        "Unknown dtype 'float16'",
    ),
    "torch.func.grad": (
        "import torch\nx = torch.tensor([1.0, 2.0])\ntorch.func.grad(lambda x: (x * x).sum())(x)\n",
        "a wrapped tensor of torch.func is not modelled",
    ),
    "vmap": (START + "torch.vmap(lambda a: a * 2)(x).sum().backward()\n"
    "", "a wrapped tensor of torch.func is not modelled"),
    "a compiled function with history": (
        "import torch\n@torch.jit.script\ndef double(a):\n    return a * 2\n"
        "" + START + "double(x).sum().backward()\n",
        "whose making was not recorded",
    ),
    "a method that the code put into Tensor": (
        "import torch\nreal = torch.Tensor.backward\n"
        "def mine(self, *arguments, **keywords):\n    return real(self, *arguments, **keywords)\n"
        "torch.Tensor.backward = mine\n" + START + BACKWARD,
        "__main__.mine",
    ),
    "history from another thread": (
        START + "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(1) as pool:\n"
        "    [y] = pool.map(lambda k: x * k, [2.0])\ny.sum().backward()\n",
        "from another thread",
    ),
    "a write in another thread": (
        START + W + "import threading\nthread = threading.Thread(target=lambda: w.mul_(2))\n"
        "thread.start()\nthread.join()\n"
        + PRODUCT,
        HIDDEN,
    ),
    "a backward in another thread": (
        START + "import threading\nthread = threading.Thread(target=(x * x).sum().backward)\n"
        "thread.start()\nthread.join()\n",
        "got a gradient " + HIDDEN,
    ),
    "a write through NumPy": (START + W + "w.numpy()[0] = 7\n" + GRAD, HIDDEN),
    "a write through NumPy to a result": (START + W + "v.numpy()[0] = 7\n(v * x).sum().backward()\n"
    "", "what `numpy` gave"),
    "a NumPy buffer that is filled again": (
        START + "import numpy\nbuffer = numpy.zeros(2)\nfor i in (1, 2, 1):\n    buffer[:] = i\n"
        "    w = torch.from_numpy(buffer)\n    "
        + GRAD,
        HIDDEN,
    ),
    "a write through an address": (
        START + W + "import ctypes\nctypes.cast(w.data_ptr(), ctypes.POINTER(ctypes.c_double))[0] = 9.0\n" + GRAD,
        HIDDEN,
    ),
    "a write through the storage": (START + W + "w.untyped_storage().fill_(0)\n" + PRODUCT, HIDDEN),
    "other memory put under a tensor": (START + W + "w.set_(torch.tensor([5.0, 6.0]))\n" + PRODUCT, HIDDEN),
    "a write with modes off": (
        START + W + "with torch._C.DisableTorchFunction():\n    w.mul_(2)\n" + GRAD,
        HIDDEN,
    ),
    "a backward that raised too late": (
        START + "w = torch.tensor([1.0, 2.0], requires_grad=True)\ny = x * 1\nz = y * y\nq = w * 3\ny.add_(1)\n"
        "try:\n    (z.sum() + q.sum()).backward()\nexcept RuntimeError:\n    pass\n" + BACKWARD,
        "when it had already changed a gradient",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("source", "reason"), REFUSED.values(), ids=REFUSED)
def test_this_is_refused(source: str, reason: str) -> None:
    result = translated(source)
    assert result.verdict == "refused"
    assert reason in result.reason
    assert not result.jax


# ---- numbers that PyTorch's own functions would not give ----

DISPATCHED = (
    "from torch.utils._python_dispatch import TorchDispatchMode\nclass Twice(TorchDispatchMode):\n"
    "    def __torch_dispatch__(self, function, types, args=(), kwargs=None):\n"
    "        made = function(*args, **(kwargs or {}))\n        return made * 2 if 'tanh' in str(function) else made\n"
)
UNPROVEN = {
    "under an op": START + DISPATCHED + "with Twice():\n    loss = torch.tanh(x).sum()\nloss.backward()\n",
    "under an op, read by autograd.grad": START
    + DISPATCHED
    + "with Twice():\n    y = torch.tanh(x)\n(g,) = torch.autograd.grad(y.sum(), x)\n",
    "under an op, never undone": START
    + DISPATCHED
    + "Twice().__enter__()\nloss = torch.tanh(x).sum()\nloss.backward()\n",
    "through NumPy, and put back": START + W + "a = v.numpy()\na[0] = 7\n" + GRAD.replace("w", "v") + "a[0] = 3\n",
    "in a gradient that is dropped": START
    + W
    + "a = v.numpy()\na[0] = 7\n(v * x).sum().backward()\nx.grad = None\na[0] = 3\n",
}


@pytest.mark.parametrize("source", UNPROVEN.values(), ids=UNPROVEN)
def test_a_number_that_the_printed_pytorch_does_not_show_is_not_proven(source: str) -> None:
    result = translated(source)
    assert result.verdict == "not-proven"
    assert "does not end with the number of the recorded run" in result.reason


# ---- code that raises ----

RAISED = {
    "halfway": (START + "raise ValueError('half [way]')\n", "script.py:3: the code raised ValueError: half [way]"),
    "sys.exit(3)": (START + BACKWARD + "import sys\nsys.exit(3)\n", "script.py:6: the code raised SystemExit: 3"),
    "a name": ("this\n", "the code raised NameError"),
    "input()": ("name = input('name? ')\n", "the code raised EOFError"),
    "a relative import": ("from . import beside\n", "the code raised ImportError"),
    "its own base error": ("class E(BaseException):\n    pass\nraise E('base')\n", "the code raised E: base"),
    "endless recursion": ("def f(): f()\nf()\n", "the code raised RecursionError"),
    "no memory": ("bytearray(10**15)\n", "the code raised MemoryError"),
    "no message": (
        "class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E\n",
        "the code raised E: (its message cannot be had: ValueError)",
    ),
    "half a character": ("raise ValueError('\\ud800')\n", r"the code raised ValueError: \ud800"),
    "a hook": (START + "y = x * 2\ny.register_hook(lambda g: 1 / 0)\ny.sum().backward()\n", "ZeroDivisionError"),
}


@pytest.mark.parametrize(("source", "reason"), RAISED.values(), ids=RAISED)
def test_what_the_code_raises_is_told(source: str, reason: str) -> None:
    result = translated(source)
    assert result.verdict == "raised"
    assert reason in result.reason
    msgspec.msgpack.encode(result)


def test_a_long_message_is_cut() -> None:
    assert len(translated("raise ValueError('x' * 10**7)\n").reason) < 3_000


# ---- files that are no code ----


def notebook(*cells: str) -> bytes:
    return json.dumps(
        {"cells": [{"cell_type": "code", "source": one.splitlines(keepends=True)} for one in cells]}
    ).encode()


UNUSABLE = {
    "bytes": ("script.py", bytes(range(256)), "cannot be read: it is not UTF-8 text"),
    "latin-1": ("script.py", b"# \xe9\n", "cannot be read: it is not UTF-8 text"),
    "a syntax error": ("script.py", b"def f(:\n", "is not Python"),
    "nulls": ("script.py", b"import torch\0", "is not Python"),
    "deep nesting": ("script.py", b"(" * 500 + b")" * 500, "is not Python"),
    "text": ("book.ipynb", b"hello", "is not a notebook"),
    "a list": ("book.ipynb", b"[]", "is not a notebook: Expected `object`, got `array`"),
    "nested lists": ("book.ipynb", b"[" * 100_000, "is not a notebook"),
    "no cells": ("book.ipynb", b"{}", "is not a notebook: Object missing required field `cells`"),
    "cells of nothing": ("book.ipynb", b'{"cells": [null]}', "is not a notebook"),
    "a number for code": ("book.ipynb", b'{"cells": [{"cell_type": "code", "source": 3}]}', "is not a notebook"),
    "Markdown only": (
        "book.ipynb",
        b'{"cells": [{"cell_type": "markdown", "source": "# Title"}]}',
        "no cell with code",
    ),
    "a cell with a syntax error": ("book.ipynb", notebook("x = 1", "def f(:"), "is not Python"),
    "no such file": ("script.py", None, "cannot be read: No such file"),
}


@pytest.mark.parametrize(("name", "content", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_file_that_is_no_code_is_a_usage_error(name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    with pytest.raises(UsageError) as raised:
        translate_script(Path(name), dtype="float64")
    assert str(raised.value).startswith(name)
    assert reason in str(raised.value)


def test_what_only_a_notebook_understands_does_nothing() -> None:
    result = translated(
        notebook(
            "%matplotlib inline\n!ls /\nimport torch",
            "%%time\nx = torch.tensor([1.0, 2.0], requires_grad=True)",
            "%%bash\nif then",
            "if True:\n    %timeit 1 + 1\nx?\n?x",
            "%time y = x * 2",
            "y.sum().backward()\ndisplay(y)\ny",
        ),
        "book.ipynb",
    )
    assert (result.verdict, result.reason) == ("proven", "")


def test_percent_signs_of_a_cell_that_is_python_stay() -> None:
    result = translated(
        notebook(
            "import torch\ntext = '''\n%literal\n'''\nrest = 10 \\\n% 4\nassert text == '\\n%literal\\n'",
            "x = torch.tensor(1.0, requires_grad=True)\n(x * rest).backward()",
        ),
        "book.ipynb",
    )
    assert [one.torch for one in result.observations if one.kind == "gradient"] == [2.0]


def test_a_notebook_that_raises_names_the_line() -> None:
    result = translated(notebook("import torch", "x = 1\n1 / 0", "y = 2"), "book.ipynb")
    assert result.verdict == "raised"
    assert "book.ipynb:4: the code raised ZeroDivisionError" in result.reason


# ---- what Python takes out of tensors ----


def notes_of(source: str) -> list[tuple[int, str]]:
    result = translated(source)
    assert (result.verdict, result.reason) == ("proven", "")
    return [(one.line, one.what) for one in result.specialised]


def test_every_way_to_read_a_number_is_noted_once_for_its_line() -> None:
    source = START + (
        "y = x\n"
        "for _ in range(torch.tensor(3)):\n"
        "    y = y * float(y[0].detach())\n"
        "    if y.sum() > 0:\n"
        "        y = y * 1\n"
        "while y.sum().item() < 100:\n"
        "    y = y * 2\n"
        "y.tolist()\n"
        "y.detach().numpy()\n"
        "y.data_ptr()\n"
        "y.sum().backward()\n"
    )
    assert notes_of(source) == [
        (4, "__index__"), (5, "__float__"), (6, "__bool__"), (8, "item"), (10, "tolist"), (11, "numpy"),
        (12, "data_ptr"),
    ]  # fmt: skip


def test_a_branch_says_what_was_true_in_turn() -> None:
    result = translated(
        START
        + "y = x\nfor _ in range(4):\n    if y.sum() > 10:\n        y = y / 2\n    y = y * 2\ny.sum().backward()\n"
    )
    [note] = result.specialised
    assert (note.line, note.what) == (5, "__bool__")
    assert "False and True" in note.why


BRANCHING = """
class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, given):
        ctx.save_for_backward(given)
        return given * 2 if given.sum() > 0 else given * 3

    @staticmethod
    def backward(ctx, grad):
        [given] = ctx.saved_tensors
        return grad * given

(Scaled.apply(x) * Scaled.apply(-x)).sum().backward()
"""


def test_a_branch_in_a_function_says_what_was_true_in_every_call() -> None:
    result = translated(START + BRANCHING)
    assert result.verdict == "proven", result.reason
    [note] = result.specialised
    assert (note.line, note.what) == (8, "__bool__")
    assert "True and False" in note.why


def test_random_draws_are_noted_once_for_their_line() -> None:
    source = (
        "import torch\ntorch.manual_seed(0)\nx = torch.randn(3, requires_grad=True)\nloss = 0.0\n"
        "for _ in range(3):\n    loss = loss + (x * torch.rand(3)).sum()\n"
        "w = torch.zeros(3)\nv = w * 1\nw.normal_()\n(loss + (w * x).sum()).backward()\n"
    )
    assert notes_of(source) == [(3, "random"), (6, "random"), (9, "random")]


def looked_at(optimizer: type[torch.optim.Optimizer]) -> list[str]:
    w = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    stepping = optimizer([w])

    def closure() -> torch.Tensor:
        stepping.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    recorder = Recorder()
    with recorder.running():
        torch.distributions.Normal(torch.zeros(2), torch.ones(2))
        stepping.step(closure)
    return [one.word for one in recorder.events if isinstance(one, Looked)]


def test_what_an_optimizer_reads_of_its_own_is_not_noted() -> None:
    assert looked_at(torch.optim.Adam) == []


def test_a_search_that_an_optimizer_directs_by_numbers_is_noted() -> None:
    assert "__float__" in looked_at(torch.optim.LBFGS)


def test_a_caught_backward_is_noted() -> None:
    assert notes_of(PROVEN["catches a second backward"]) == [(6, "backward")]


# ---- the command: exit codes and files ----


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The command without a process of its own for the script: what the process does is not the point."""
    ran: list[Path] = []

    def translate_here(script: Script, *, limit: float) -> tuple[Reply, str]:
        ran.append(Path(script.path))
        made = translate_script(Path(script.path), dtype=script.dtype)
        data = (made.source.data_name, made.source.packed()) if made.source and made.source.arrays else ("", b"")
        return Reply(made.result, *data), ""

    monkeypatch.setattr("compare.translations.translate_apart", translate_here)
    return ran


def command(source: str, *words: str) -> Result:
    Path("script.py").write_text(source, "utf-8")
    return CliRunner().invoke(cli, ["translate", "script.py", *words])


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("source", "code"),
    [(START + BACKWARD, 0), (UNPROVEN["under an op"], 1), ("", 2), ("1 / 0\n", 2), ("def f(:\n", 2)],
    ids=["proven", "not proven", "refused", "raised", "no Python"],
)
def test_the_exit_code(source: str, code: int) -> None:
    finished = command(source)
    assert finished.exit_code == code
    assert bool(finished.stdout) == (code == 0)
    assert "Traceback" not in finished.output


def test_a_file_that_exists_is_refused_before_the_run(in_this_process: list[Path]) -> None:
    Path("out.py").write_text("mine", "utf-8")
    finished = command(START + BACKWARD, "-o", "out.py")
    assert finished.exit_code == 2
    assert "exists already" in finished.stderr
    assert Path("out.py").read_text("utf-8") == "mine"
    assert not in_this_process


@pytest.mark.parametrize("words", [["-o", "script.py", "--force"], ["-o", "./script.py", "--force"]])
def test_the_script_itself_is_never_written_over(in_this_process: list[Path], words: list[str]) -> None:
    finished = command(START + BACKWARD, *words)
    assert finished.exit_code == 2
    assert "is the script itself" in finished.stderr
    assert Path("script.py").read_text("utf-8") == START + BACKWARD
    assert not in_this_process


@pytest.mark.usefixtures("in_this_process")
def test_what_is_not_proven_is_not_written() -> None:
    finished = command(UNPROVEN["under an op"], "-o", "out.py")
    assert finished.exit_code == 1
    assert [one.name for one in Path().iterdir()] == ["script.py"]


@pytest.mark.usefixtures("in_this_process")
def test_what_is_not_proven_says_so_in_its_header() -> None:
    finished = command(UNPROVEN["under an op"], "-o", "out.py", "--unproven")
    assert finished.exit_code == 1
    header, _, reason = Path("out.py").read_text("utf-8").splitlines()[0:3]
    assert header == "# NOT PROVEN: this program does not show what the PyTorch code showed."
    assert "x.grad" in _ + reason
    compile(Path("out.py").read_text("utf-8"), "out.py", "exec")


LARGE = (
    "import torch\ntorch.manual_seed(0)\nx = torch.randn(200, requires_grad=True)\n"
    "loss = (x * x).sum()\nloss.backward()\n"
)


# A script loads its data and leaves the file to the garbage collector, which may come in any test.
loads_data = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@loads_data
@pytest.mark.usefixtures("in_this_process")
def test_the_data_file_stands_beside_the_script() -> None:
    Path("out").mkdir()
    finished = command(LARGE, "-o", "out/program.py")
    assert finished.exit_code == 0, finished.output
    assert sorted(one.name for one in Path("out").iterdir()) == ["program.py", "script.npz"]
    ran = subprocess.run([sys.executable, "out/program.py"], check=True, capture_output=True, text=True)
    torch.manual_seed(0)
    loss = float((torch.randn(200, dtype=torch.float64) ** 2).sum())
    assert float(ran.stdout.split("loss = ")[1].split()[0]) == pytest.approx(loss, rel=1e-10)


@loads_data
@pytest.mark.usefixtures("in_this_process")
def test_data_of_somebody_else_is_not_written_over() -> None:
    Path("script.npz").write_bytes(b"mine")
    finished = command(LARGE, "-o", "program.py")
    assert finished.exit_code == 2
    assert Path("script.npz").read_bytes() == b"mine"
    assert not Path("program.py").exists()


@loads_data
@pytest.mark.usefixtures("in_this_process")
def test_a_program_does_not_take_the_name_of_its_data() -> None:
    finished = command(LARGE, "-o", "script.npz")
    assert finished.exit_code == 2
    assert not Path("script.npz").exists()


@pytest.mark.parametrize("name", ["half\udcff.py", "two\nlines.py"])
def test_a_name_that_cannot_be_printed_is_refused(in_this_process: list[Path], name: str) -> None:
    Path(name).write_text(START + BACKWARD, "utf-8")
    finished = CliRunner().invoke(cli, ["translate", name])
    assert (finished.exit_code, finished.stdout) == (2, "")
    assert "has to be printable text" in finished.stderr
    assert not in_this_process


def test_a_directory_is_not_a_script() -> None:
    Path("folder.py").mkdir()
    finished = CliRunner().invoke(cli, ["translate", "folder.py"])
    assert (finished.exit_code, finished.stdout) == (2, "")
    assert "is not a file" in finished.stderr


# ---- the command: what a script does to its process ----

ENDED = {
    "os._exit": ("import os\nos._exit(0)\n", "ended with exit code 0"),
    "a signal": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "ended with signal SIGKILL"),
    "an endless loop": ("while True:\n    pass\n", "did not end within 4 seconds"),
    "endless output": ("while True:\n    print('x' * 2**16)\n", "it wrote more than 1 MiB"),
}


@pytest.mark.parametrize(("source", "reason"), ENDED.values(), ids=ENDED)
def test_a_process_that_does_not_end_well(source: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.workers.MOST_OUTPUT", 2**20)
    started = time.monotonic()
    finished = command(source, "-o", "out.py", "--timeout", "4")
    assert finished.exit_code == 3
    assert reason in finished.output
    assert "Traceback" not in finished.output
    assert len(finished.output) < 20_000
    assert [one.name for one in Path().iterdir()] == ["script.py"]
    assert time.monotonic() - started < 60


def test_forks_threads_and_programs_left_behind_change_nothing() -> None:
    source = (
        "import os, subprocess, threading, time\nif os.fork() == 0:\n    raise SystemExit\n"
        "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "subprocess.Popen(['sleep', '1000'])\n" + START + BACKWARD + "os.close(1)\n"
    )
    finished = command(source, "--timeout", "60")
    assert finished.exit_code == 0, finished.output
    assert "jax.value_and_grad" in finished.stdout
