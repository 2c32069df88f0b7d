"""Functions that draw random numbers: what they drew enters the recording as data, and the rest is arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compare.recording.recorder import Recorder

__all__ = ["CONSTANT_DRAWS", "MASKED_DRAWS", "SHIFTED_DRAWS", "draw_constants", "draw_mask", "draw_slopes"]

CONSTANT_DRAWS = frozenset("normal bernoulli poisson binomial".split())
"""Functions that draw from distributions that tensors describe: PyTorch's gradient of these tensors is zeros."""
SHIFTED_DRAWS = frozenset("alpha_dropout feature_alpha_dropout".split())
"""Products with a mask, and a sum with another: what is dropped becomes a number that is not zero."""
MASKED_DRAWS = SHIFTED_DRAWS | frozenset("dropout dropout1d dropout2d dropout3d feature_dropout".split())


def draw_constants(recorder: Recorder, result: Any, given: tuple[Any, ...]) -> None:
    """Record numbers that were drawn with history: data, and zeros that hang on the tensors they were drawn for.

    Args: given: the arguments of the call.
    """
    torch, site = recorder.torch, recorder.site()
    drawn = result.detach().clone()
    recorder.drew(drawn)
    recorder.meet(drawn, site, "drawn")
    tracked = {id(one): one for one in given if isinstance(one, torch.Tensor) and one.requires_grad}
    total = drawn
    for number, tensor in enumerate(tracked.values()):
        recorder.meet(tensor, site)
        # The sign has the slope zero everywhere, which is what PyTorch says of the draw.
        sign = recorder.called(torch.sign, (tensor,), tensor.sign(), site)
        zeros = recorder.called(torch.Tensor.mul, (sign, 0.0), sign * 0.0, site)
        last = number == len(tracked) - 1
        total = recorder.called(torch.Tensor.add, (total, zeros), result if last else total + zeros, site)


def draw_mask(recorder: Recorder, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Dropout is a product with a mask; the same draw on ones is that mask, and on zeros what is added to it."""
    torch, site = recorder.torch, recorder.site()
    tensor = arguments[0] if arguments else keywords["input"]
    others = {name: one for name, one in keywords.items() if name != "input"}
    in_place = bool(keywords.get("inplace") or True in arguments[3:4])
    if in_place and function.__name__ in SHIFTED_DRAWS:
        return recorder.record_call(function, arguments, keywords)
    if in_place:
        recorder.meet(tensor, site)
    before = torch.get_rng_state()
    numbers = tensor.detach().clone()
    result = function(*arguments, **keywords)
    node = result.grad_fn
    if function.__name__ == "dropout" and not in_place and type(node).__name__ == "MulBackward0":
        recorder.meet(tensor, site)
        mask = node._saved_other  # history keeps it
        if mask is not None and mask.shape == tensor.shape:
            recorder.meet(mask, site, "dropout_mask")
            return recorder.called(torch.Tensor.mul, (tensor, mask), result, site)
    after = torch.get_rng_state()
    if torch.equal(before, after) and torch.equal(result, numbers):
        if result is not tensor:
            recorder.meet(tensor, site)
            recorder.called(torch.clone, (tensor,), result, site)
        return result
    recorder.meet(tensor, site)

    def again(model: Any) -> Any:
        torch.set_rng_state(before)
        with torch.no_grad():
            return function(model(numbers), *arguments[1:], **others)

    mask = again(torch.ones_like)
    if function.__name__ not in SHIFTED_DRAWS:
        recorder.meet(mask, site, "dropout_mask")
        recorder.called(torch.Tensor.mul_ if in_place else torch.Tensor.mul, (tensor, mask), result, site)
    else:
        shift = again(torch.zeros_like)
        mask = mask - shift
        recorder.meet(mask, site, "dropout_mask")
        recorder.meet(shift, site, "dropout_shift")
        kept = recorder.called(torch.Tensor.mul, (tensor, mask), tensor * mask, site)
        recorder.called(torch.Tensor.add, (kept, shift), result, site)
    torch.set_rng_state(after)
    return result


def draw_slopes(recorder: Recorder, function: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Training rrelu is a product: with slopes where the tensor is not positive, elsewhere with one."""
    torch, site = recorder.torch, recorder.site()
    given = dict(zip(("input", "lower", "upper", "training", "inplace"), arguments, strict=False)) | keywords
    if not given.get("training") or given.get("inplace"):
        return recorder.record_call(function, arguments, keywords)
    tensor = given["input"]
    recorder.meet(tensor, site)
    before = torch.get_rng_state()
    result = function(*arguments, **keywords)
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    slopes = torch.empty_like(tensor, requires_grad=False)
    lower, upper = given.get("lower", 1 / 8), given.get("upper", 1 / 3)
    torch.ops.aten.rrelu_with_noise(tensor.detach(), slopes, lower, upper, True)
    torch.set_rng_state(after)
    recorder.drew(slopes)
    recorder.meet(slopes, site, "slopes")
    return recorder.called(torch.Tensor.mul, (tensor, slopes), result, site)
