"""What an optimizer of PyTorch is called in optax, with the settings that give the same updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["optax_equivalent"]

Settings = Mapping[str, Any]


def optax_equivalent(kind: str, groups: Sequence[Settings]) -> str:
    """In a sentence, for an optimizer with these settings of its parameter groups."""
    spelled = list(dict.fromkeys(_spelled(kind, group) for group in groups))
    if len(spelled) == 1:
        return spelled[0]
    return f"its parameter groups differ; join with `optax.multi_transform`: {'; '.join(spelled)}"


def _spelled(kind: str, settings: Settings) -> str:
    kind = "AdamW" if kind == "Adam" and settings.get("decoupled_weight_decay") else kind
    rule = _RULES.get(kind)
    if rule is None:
        return f"optax.{kind.lower()} is not known to be the same: keep the update lines"
    made, unlike = rule(settings)
    before = ["optax.scale(-1.0)"] if settings.get("maximize") else []
    if settings.get("weight_decay") and kind != "AdamW":
        before.append(f"optax.add_decayed_weights({_number(settings['weight_decay'])})")
    chained = f"optax.chain({', '.join([*before, made])})" if before else made
    return f"`{chained}`" + (f", except that {unlike}: keep the update lines" if unlike else "")


def _sgd(settings: Settings) -> tuple[str, str]:
    momentum = settings["momentum"]
    said = {"momentum": momentum, "nesterov": settings["nesterov"]} if momentum else {}
    unlike = "optax has no dampening" if momentum and settings["dampening"] else ""
    return _call("sgd", settings["lr"], said), unlike


def _adam(settings: Settings) -> tuple[str, str]:
    b1, b2 = settings["betas"]
    said = {"b1": b1, "b2": b2, "eps": settings["eps"]}
    if settings.get("amsgrad"):
        return _call(
            "amsgrad", settings["lr"], said
        ), "PyTorch takes the maximum before the bias correction, optax after"
    return _call("adam", settings["lr"], said), ""


def _adamw(settings: Settings) -> tuple[str, str]:
    b1, b2 = settings["betas"]
    said = {"b1": b1, "b2": b2, "eps": settings["eps"], "weight_decay": settings["weight_decay"]}
    return _call("adamw", settings["lr"], said), "optax has no amsgrad with it" if settings.get("amsgrad") else ""


def _rmsprop(settings: Settings) -> tuple[str, str]:
    said: dict[str, Any] = {"decay": settings["alpha"], "eps": settings["eps"], "eps_in_sqrt": False}
    said |= {"centered": True} if settings["centered"] else {}
    said |= {"momentum": settings["momentum"]} if settings["momentum"] else {}
    return _call("rmsprop", settings["lr"], said), ""


def _adagrad(settings: Settings) -> tuple[str, str]:
    said = {"initial_accumulator_value": settings["initial_accumulator_value"], "eps": settings["eps"]}
    if settings["lr_decay"]:
        return _call("adagrad", settings["lr"], said), "lr_decay needs a schedule"
    # Both add eps where the gradient is divided: PyTorch to the square root, optax under it.
    unlike = "optax adds eps under the square root" if settings["eps"] else ""
    return _call("adagrad", settings["lr"], said), unlike


_RULES = {"SGD": _sgd, "Adam": _adam, "AdamW": _adamw, "RMSprop": _rmsprop, "Adagrad": _adagrad}


def _call(name: str, rate: Any, keywords: Settings) -> str:
    said = "".join(
        f", {word}={_number(value)}" for word, value in keywords.items() if value is not False or word == "eps_in_sqrt"
    )
    return f"optax.{name}({_number(rate)}{said})"


def _number(value: Any) -> str:
    """A setting; one that is a tensor has one element."""
    return repr(value.item() if hasattr(value, "item") else value)
