"""Recurrent layers and cells, written out step by step.

The functions are those that nn.RNN, nn.LSTM and nn.GRU call. `flat_weights` holds, for every layer and direction, the
weight of the input, that of the hidden state, their two biases where there are any, and the projection of an LSTM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from compare.composites.composite import composite
from compare.errors import ProgramError
from compare.tape import Tape, Tensor

__all__ = [
    "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell",
]  # fmt: skip

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State, Sequence[Tensor]], State]

# ---- one step ----


def _affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Any:
    product = x.linear(weight)
    return product if bias is None else product + bias


def _tanh_step(from_input: Tensor, state: State, hidden_weights: Sequence[Tensor | None]) -> State:
    """`from_input` is the input's share of what goes into the step; `hidden_weights` a weight, a bias, a projection."""
    [hidden] = state
    weight, bias, _ = hidden_weights
    assert weight is not None
    new_hidden = (from_input + _affine(hidden, weight, bias)).tanh()
    return (new_hidden,)


def _relu_step(from_input: Tensor, state: State, hidden_weights: Sequence[Tensor | None]) -> State:
    [hidden] = state
    weight, bias, _ = hidden_weights
    assert weight is not None
    new_hidden = (from_input + _affine(hidden, weight, bias)).relu()
    return (new_hidden,)


def _gru_step(from_input: Tensor, state: State, hidden_weights: Sequence[Tensor | None]) -> State:
    [hidden] = state
    weight, bias, _ = hidden_weights
    assert weight is not None
    from_hidden = _affine(hidden, weight, bias)
    input_reset, input_update, input_new = from_input.chunk(chunks=3, axis=-1)
    hidden_reset, hidden_update, hidden_new = from_hidden.chunk(chunks=3, axis=-1)
    reset = (input_reset + hidden_reset).sigmoid()
    update = (input_update + hidden_update).sigmoid()
    candidate = (input_new + reset * hidden_new).tanh()
    new_hidden = candidate + update * (hidden - candidate)
    return (new_hidden,)


def _lstm_step(from_input: Tensor, state: State, hidden_weights: Sequence[Tensor | None]) -> State:
    hidden, cell = state
    weight, bias, projection = hidden_weights
    assert weight is not None
    gates = from_input + _affine(hidden, weight, bias)
    input_gate, forget_gate, cell_gate, output_gate = gates.chunk(chunks=4, axis=-1)
    new_cell = forget_gate.sigmoid() * cell + input_gate.sigmoid() * cell_gate.tanh()
    new_hidden = output_gate.sigmoid() * new_cell.tanh()
    if projection is not None:
        new_hidden = new_hidden.linear(projection)
    return (new_hidden, new_cell)


# ---- a layer ----


def _weights_of_layers(name: str, flat_weights: Sequence[Tensor], has_biases: bool, count: int) -> list[list[Any]]:
    """For every layer and direction: the two weights, their biases or None, and the projection or None."""
    each = len(flat_weights) // count
    if each * count != len(flat_weights) or each not in ((4, 5) if has_biases else (2, 3)):
        raise ProgramError(f"{name}: {len(flat_weights)} weights do not make {count} layers and directions.")
    found = []
    for start in range(0, len(flat_weights), each):
        weight, hidden_weight, *rest = flat_weights[start : start + each]
        biases = [rest.pop(0), rest.pop(0)] if has_biases else [None, None]
        found.append([weight, hidden_weight, *biases, rest[0] if rest else None])
    return found


def _unrolled(
    tape: Tape,
    name: str,
    step: Any,
    input: Tensor,
    states: Sequence[Tensor],
    flat_weights: Any,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, State]:
    """All layers over all steps. `states`: the initial ones, each `f[layers * directions, batch, size]`."""
    if not isinstance(flat_weights, list | tuple):
        raise ProgramError(f"{name} of a packed sequence is not modelled. Pad the sequences, and mask the loss.")
    if dropout and train and num_layers > 1:
        raise ProgramError(
            f"{name} with dropout={dropout} between its layers draws random numbers inside. Call it layer by layer, "
            "with torch.nn.functional.dropout between them."
        )
    directions = 2 if bidirectional else 1
    weights = _weights_of_layers(name, flat_weights, has_biases, num_layers * directions)
    sequence = input.swapaxes(0, 1) if batch_first else input
    length = sequence.shape[0]
    finals: list[State] = []
    for layer in range(num_layers):
        outputs: list[list[Tensor]] = []
        for direction in range(directions):
            place = layer * directions + direction
            weight, hidden_weight, bias, hidden_bias, projection = weights[place]
            from_inputs = _affine(sequence, weight, bias)
            state: State = tuple(one[place] for one in states)
            times = range(length) if direction == 0 else range(length - 1, -1, -1)
            hiddens = []
            for time in times:
                state = step(from_inputs[time], state, (hidden_weight, hidden_bias, projection))
                hiddens.append(state[0])
            finals.append(state)
            outputs.append(hiddens if direction == 0 else hiddens[::-1])
        stacked = [tape.stack(hiddens, axis=0) for hiddens in outputs]
        sequence = tape.concat(stacked, axis=-1) if bidirectional else stacked[0]
    last = tuple(tape.stack([final[part] for final in finals], axis=0) for part in range(len(states)))
    return (sequence.swapaxes(0, 1) if batch_first else sequence), last


def _check_sequence(name: str, hx: Any, flat_weights: Any) -> None:
    """A packed sequence has other arguments: its batch sizes come second."""
    if isinstance(flat_weights, Tensor) or isinstance(hx, list | tuple):
        raise ProgramError(f"{name} of a packed sequence is not modelled. Pad the sequences, and mask the loss.")


@composite("torch.rnn_tanh")
def rnn_tanh(
    tape: Tape,
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """`h = tanh(W x + b + V h + c)`: outputs `f[time, batch, size]` and the last states `f[layers, batch, size]`."""
    _check_sequence("torch.rnn_tanh", hx, params)
    output, (hidden,) = _unrolled(
        tape, "torch.rnn_tanh", _tanh_step, input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip
    return output, hidden


@composite("torch.rnn_relu")
def rnn_relu(
    tape: Tape,
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """`h = relu(W x + b + V h + c)`: outputs `f[time, batch, size]` and the last states `f[layers, batch, size]`."""
    _check_sequence("torch.rnn_relu", hx, params)
    output, (hidden,) = _unrolled(
        tape, "torch.rnn_relu", _relu_step, input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip
    return output, hidden


@composite("torch.gru")
def gru(
    tape: Tape,
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """Gated recurrent units: outputs `f[time, batch, size]` and the last states `f[layers, batch, size]`."""
    _check_sequence("torch.gru", hx, params)
    output, (hidden,) = _unrolled(
        tape, "torch.gru", _gru_step, input, (hx,), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip
    return output, hidden


@composite("torch.lstm")
def lstm(
    tape: Tape,
    input: Tensor,
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Long short-term memory: outputs `f[time, batch, size]`, the last hidden states and the last cell states."""
    if isinstance(hx, Tensor):
        raise ProgramError("torch.lstm of a packed sequence is not modelled. Pad the sequences, and mask the loss.")
    output, (hidden, cell) = _unrolled(
        tape, "torch.lstm", _lstm_step, input, tuple(hx), params, has_biases, num_layers, dropout, train, bidirectional,
        batch_first,
    )  # fmt: skip
    return output, hidden, cell


# ---- cells ----


@composite("torch.rnn_tanh_cell")
def rnn_tanh_cell(
    tape: Tape, input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """One step of rnn_tanh: `f[batch, size]`."""
    [hidden] = _tanh_step(_affine(input, w_ih, b_ih), (hx,), (w_hh, b_hh, None))
    return hidden


@composite("torch.rnn_relu_cell")
def rnn_relu_cell(
    tape: Tape, input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """One step of rnn_relu: `f[batch, size]`."""
    [hidden] = _relu_step(_affine(input, w_ih, b_ih), (hx,), (w_hh, b_hh, None))
    return hidden


@composite("torch.gru_cell")
def gru_cell(
    tape: Tape, input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """One step of gru: `f[batch, size]`."""
    [hidden] = _gru_step(_affine(input, w_ih, b_ih), (hx,), (w_hh, b_hh, None))
    return hidden


@composite("torch.lstm_cell")
def lstm_cell(
    tape: Tape, input: Tensor, hx: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of lstm: the hidden state and the cell state, each `f[batch, size]`."""
    hidden, cell = hx
    new_hidden, new_cell = _lstm_step(_affine(input, w_ih, b_ih), (hidden, cell), (w_hh, b_hh, None))
    return new_hidden, new_cell
