"""Runs a script, the cells of a notebook or a function under the recorder."""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import os
import re
import sys
import tokenize
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from compare.errors import UsageError, shown_path
from compare.recording.events import Recording
from compare.recording.recorder import Recorder
from compare.statements import Member
from compare.tape import usable_name

__all__ = ["members_of", "names_of", "read_script", "record_cell", "record_function", "record_script", "state_of"]


class _Cell(msgspec.Struct):
    cell_type: str
    source: str | list[str] = ""


class _Notebook(msgspec.Struct):
    cells: list[_Cell]


def read_script(path: Path) -> str:
    """The Python of a script, or of the code cells of a notebook. Raises UsageError."""
    try:
        # As Python reads a script: with a byte-order mark, or a line that names another encoding.
        with tokenize.open(path) as file:
            text = file.read()
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"{shown_path(path)} cannot be read: {reason}.") from error
    return _cells(text, shown_path(path)) if path.suffix == ".ipynb" else text


def _cells(text: str, shown: str) -> str:
    """The code cells of a notebook, one after another. Raises UsageError."""
    try:
        cells = msgspec.json.decode(text, type=_Notebook).cells
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"{shown} is not a notebook: {error}.") from error
    sources = ["".join(one.source) for one in cells if one.cell_type == "code"]
    if not any(one.strip() for one in sources):
        raise UsageError(f"{shown} has no cell with code.")
    return "\n\n".join(map(_plain, sources)) + "\n"


def _plain(cell: str) -> str:
    """The Python of a cell. What only a notebook understands does nothing here, and line numbers stay."""
    lines = cell.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if _OTHER_LANGUAGE.match(first):
        return "\n".join(f"# {line}" for line in lines)
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError):
        return "\n".join(map(_plain_line, lines))
    return cell


_OTHER_LANGUAGE = re.compile(r"%%(?!time\b|timeit\b|capture\b|prun\b)")
"""The first line of a cell that is not run as Python of this notebook."""
_MAGIC = re.compile(r"(?P<indent>\s*)(?:%time\s+(?P<timed>.+)|%|!|\?|[\w.]+\?{1,2}\s*$|[\w., ]+=\s*[%!])")


def _plain_line(line: str) -> str:
    """The statement that a magic times; `pass` in place of any other: it may be all that a block has."""
    found = _MAGIC.match(line)
    return line if found is None else f"{found['indent']}{found['timed'] or 'pass'}  # {line.lstrip()}"


def record_script(path: Path, *, dtype: str) -> Recording:
    """Run a script as `python FILE` would, in this process. What it prints goes to standard error.

    Returns: the recording; `error` is what the script raised, if it did. Raises UsageError where there is no script.
    """
    import torch

    text = read_script(path)
    name = str(path.absolute())
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        code = compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{shown_path(path)} is not Python: {str(error) or type(error).__name__}.") from error
    torch.set_default_dtype(getattr(torch, dtype))
    module = types.ModuleType("__main__")
    module.__file__ = name
    if path.suffix == ".ipynb":
        module.__dict__["display"] = print  # a notebook has it without an import
    recorder = Recorder()
    process = os.getpid()
    with _as_main(module, path):
        raised = _run(recorder, lambda: exec(code, module.__dict__))
    if os.getpid() != process:
        os._exit(0)  # the script forked, and this is the child: the parent answers
    variables = [one for one in vars(module).values() if isinstance(one, torch.Tensor) and not one.is_leaf]
    known = {**recorder.variables.found, **vars(module)}
    names, members = names_of(known), members_of(known)
    state = state_of(known, names)
    return Recording(recorder.events, dtype, recorder.known, names, state, members, variables, raised)


def record_function(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Recording:
    """Run a function under the recorder, in the settings of this process."""
    import inspect

    import torch

    recorder = Recorder()
    results: list[Any] = []
    error = _run(recorder, lambda: results.append(function(*arguments)))
    inside = inspect.unwrap(function)
    known: dict[str, Any] = dict(recorder.variables.found)
    with contextlib.suppress(TypeError, ValueError):
        closure = inspect.getclosurevars(inside)
        known.update(closure.globals)
        known.update(closure.nonlocals)
    with contextlib.suppress(TypeError, ValueError):
        known.update(inspect.signature(function).bind(*arguments).arguments)
    dtype = str(torch.get_default_dtype()).removeprefix("torch.")
    found = _tensors(results)
    names = names_of(known)
    names.update({id(one): name for name, one in found.items() if usable_name(name) is not None})
    state, members = state_of(known, names), members_of(known)
    return Recording(recorder.events, dtype, recorder.known, names, state, members, list(found.values()), error)


def record_cell(run: Callable[[], None], variables: dict[str, Any]) -> Recording:
    """Run a cell of a notebook under the recorder, in the settings of this process.

    Args: variables: the names of the notebook, which the cell reads and binds. It may see them while it runs.
    """
    import torch

    before = {id(one) for one in variables.values() if isinstance(one, torch.Tensor)}
    recorder = Recorder()
    error = _run(recorder, run)
    dtype = str(torch.get_default_dtype()).removeprefix("torch.")
    # `_`, `_3` and the like are what the notebook keeps of former results.
    kept = {name: one for name, one in variables.items() if not name.startswith("_")}
    made = [one for one in kept.values() if isinstance(one, torch.Tensor) and id(one) not in before and not one.is_leaf]
    known = {**recorder.variables.found, **kept}
    names = names_of(known)
    state, members = state_of(known, names), members_of(known)
    return Recording(recorder.events, dtype, recorder.known, names, state, members, made, error)


def _tensors(result: Any, name: str = "result") -> dict[str, Any]:
    """The tensors in what a function returned, by name: keys of dictionaries, or places."""
    import torch

    if isinstance(result, torch.Tensor):
        return {name: result}
    if isinstance(result, Mapping):
        return {key: one for word, inner in result.items() for key, one in _tensors(inner, str(word)).items()}
    if isinstance(result, list | tuple):
        alone = len(result) == 1
        return {
            key: one
            for place, inner in enumerate(result, 1)
            for key, one in _tensors(inner, name if alone else f"{name}_{place}").items()
        }
    return {}


def _run(recorder: Recorder, run: Callable[[], object]) -> BaseException | None:
    try:
        with recorder.running():
            run()
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        return error if error.code not in (None, 0) else None
    except BaseException as error:  # a script may raise anything
        return error
    return None


@contextlib.contextmanager
def _as_main(module: types.ModuleType, path: Path) -> Iterator[None]:
    """The script is `__main__`, its directory comes first on the path, and it has no arguments and no input."""
    before = sys.modules.get("__main__"), list(sys.path), list(sys.argv), sys.stdin
    sys.modules["__main__"] = module
    sys.path.insert(0, str(path.absolute().parent))
    sys.argv[:] = [str(path)]
    sys.stdin = io.StringIO()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if before[0] is not None:
            sys.modules["__main__"] = before[0]
        sys.path[:], sys.argv[:], sys.stdin = before[1:]


def names_of(variables: Mapping[str, Any]) -> dict[int, str]:
    """Names of tensors by id: of variables, and of the parameters and buffers of modules."""
    import torch

    found: dict[int, str] = {}
    roots = _outer_modules(variables)
    for name, module in roots:
        for path, tensor in [*module.named_parameters(), *module.named_buffers()]:
            own = path.replace(".", "_")
            full = f"{name}_{own}" if len(roots) > 1 or own[0].isdigit() else own
            found.setdefault(id(tensor), full)
    for name, one in variables.items():
        if isinstance(one, torch.Tensor) and usable_name(name) is not None:
            found.setdefault(id(one), name)
    return found


def members_of(variables: Mapping[str, Any]) -> dict[int, Member]:
    """The parameters of modules by id: each module's are one group, under their paths."""
    found: dict[int, Member] = {}
    roots = _outer_modules(variables)
    for name, module in roots:
        group = "params" if len(roots) == 1 else usable_name(f"{name}_params")
        if group is not None:
            for path, parameter in module.named_parameters():
                found.setdefault(id(parameter), Member(group, path))
    return found


def state_of(variables: Mapping[str, Any], names: Mapping[int, str]) -> dict[int, str]:
    """Names of what optimizers keep for each parameter: `weight_momentum_buffer`."""
    import torch

    found: dict[int, str] = {}
    for one in variables.values():
        if isinstance(one, torch.optim.Optimizer):
            for parameter, state in one.state.items():
                for word, tensor in state.items():
                    if isinstance(tensor, torch.Tensor) and id(parameter) in names and isinstance(word, str):
                        found.setdefault(id(tensor), f"{names[id(parameter)]}_{word}")
    return found


def _outer_modules(variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The modules with tensors among variables that are no part of another one of them, each under its first name."""
    import torch

    modules: dict[int, tuple[str, Any]] = {}
    for name, one in variables.items():
        if isinstance(one, torch.nn.Module) and len([*one.parameters(), *one.buffers()]):
            modules.setdefault(id(one), (name, one))
    parts = {id(part) for _, one in modules.values() for part in one.modules() if part is not one}
    return [found for number, found in modules.items() if number not in parts]
