"""Modules of a transformer by their role in attention, and recordings of their calls.

Frames mix in attention; everything else in a block works on each frame alone. Context mixing therefore needs only three
modules of a block (attention, value projection and output projection) and the final norm. No model code is repeated
here: blocks and attentions run as they are, on recorded inputs.
"""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from auscult.errors import AnalysisError

__all__ = ["Part", "Roles", "Call", "find_roles", "record", "eager", "substitute"]

Part = Literal["encoder", "decoder", "cross"]
# Attention, value projection and output projection within a block, by family of models.
_NAMES = {
    "encoder": (
        ("attention", "attention.v_proj", "attention.out_proj"),
        ("self_attn", "self_attn.v_proj", "self_attn.out_proj"),
        ("self_attn", "self_attn.linear_v", "self_attn.linear_out"),
        ("attention.self", "attention.self.value", "attention.output.dense"),
    ),
    "decoder": (("self_attn", "self_attn.v_proj", "self_attn.out_proj"),),
    "cross": (("encoder_attn", "encoder_attn.v_proj", "encoder_attn.out_proj"),),
}
# Layer norm directly after the attention's residual, in post-norm models.
_NORMS = ("attention.output.LayerNorm", "layer_norm")


@dataclass(frozen=True)
class Roles:
    """Blocks of a transformer, with the names within a block of the modules that take part in mixing.

    Parameters
    ----------
    model : its attention kernel is switched while weights are read
    part : ``encoder``, ``decoder`` (self-attention) or ``cross`` (attention of the decoder to the encoder)
    blocks : in order of depth
    attention, value, output : attention, its value projection and the projection of the concatenated heads
    before : other attentions of the block that run before this one
    norm : layer norm directly after the attention's residual; None in pre-norm models
    final_norm : norm after the last block; None in post-norm models
    """

    model: Any
    part: Part
    blocks: tuple[nn.Module, ...]
    attention: str
    value: str
    output: str
    before: tuple[str, ...]
    norm: str | None
    final_norm: nn.Module | None

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the blocks: ``T1 … TL``."""
        return tuple(f"T{place}" for place in range(1, len(self.blocks) + 1))

    @property
    def projects(self) -> bool:
        """Whether the attention module includes the output projection; in BERT it does not."""
        return self.output.startswith(f"{self.attention}.")


@dataclass
class Call:
    """Arguments and output of one call of a module."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    output: Any = field(repr=False)

    @property
    def hidden(self) -> Tensor:
        """Input states [shape=(n_items, n_frames, n_dims)]."""
        return self.args[0] if self.args else self.kwargs["hidden_states"]

    @property
    def first(self) -> Tensor:
        """Output states [shape=(n_items, n_frames, n_dims)]."""
        return self.output[0] if isinstance(self.output, tuple) else self.output

    def given(self, module: nn.Module, name: str) -> Any:
        """Return an argument by its name in the module's signature; None if it was not passed."""
        return inspect.signature(module.forward).bind(*self.args, **self.kwargs).arguments.get(name)


def find_roles(model: Any, part: Part = "encoder") -> Roles:
    """Find the modules of a transformer by their roles.

    Parameters
    ----------
    model : transformers model with an encoder (wav2vec 2.0, HuBERT, WavLM, data2vec, BERT and related models) or
        Whisper, with or without heads; for the part ``encoder``, Whisper's encoder alone is enough
    part : see :class:`Roles`

    Raises
    ------
    AnalysisError
        The model has no such part or no attention, its blocks mix frames by other means as well, or they read pooled
        frames.
    """
    stack = _stack(model, part)
    blocks = next((tuple(getattr(stack, name)) for name in ("layers", "layer") if hasattr(stack, name)), ())
    names = [names for names in _NAMES[part] if blocks and all(_has(blocks[0], name) for name in names)]
    if not names:
        raise AnalysisError(
            f"expected a transformer whose {part} has attention, found {_name(model)!r}; leave it out of analyses: "
            "mixing: models, or choose a wav2vec2, hubert, wavlm, data2vec-audio, whisper or bert model"
        )
    if _has(blocks[0], "conv_module"):
        raise AnalysisError(
            f"expected blocks in which frames mix by attention alone, found a convolution in the blocks of "
            f"{_name(model)!r}; leave the model out of analyses: mixing: models"
        )
    if getattr(model.config, "squeeze_factor", 1) > 1:
        raise AnalysisError(
            f"expected blocks that read every frame, found frames pooled by {model.config.squeeze_factor} before the "
            f"blocks of {_name(model)!r}; leave the model out of analyses: mixing: models"
        )
    attention, value, output = names[0]
    pre_norm = _has(blocks[0], "self_attn_layer_norm") or getattr(model.config, "do_stable_layer_norm", False)
    norm = None if pre_norm else next(name for name in _NORMS if _has(blocks[0], name))
    before = ("self_attn",) if part == "cross" else ()
    final = stack.layer_norm if pre_norm else None
    return Roles(model, part, blocks, attention, value, output, before, norm, final)


@contextmanager
def record(roles: Roles) -> Iterator[list[dict[str, Call]]]:
    """Yield a list that is filled, while the model runs, with the calls of each layer by name of the module.

    The call of the block itself has the empty name. Inputs and outputs are kept, attention weights are not.
    """
    calls: list[dict[str, Call]] = [{} for _ in roles.blocks]
    with ExitStack() as hooks:
        for block, kept in zip(roles.blocks, calls):
            for name in ("", roles.attention, *roles.before):

                def keep(
                    _: nn.Module,
                    args: tuple[Any, ...],
                    kwargs: dict[str, Any],
                    output: Any,
                    kept: dict[str, Call] = kept,
                    name: str = name,
                ) -> None:
                    kept[name] = Call(args, kwargs, output)

                handle = block.get_submodule(name).register_forward_hook(keep, with_kwargs=True)
                hooks.callback(handle.remove)
        yield calls


@contextmanager
def eager(model: Any) -> Iterator[None]:
    """Switch the model to the eager attention kernel, which returns weights, and restore its own kernel afterwards.

    Fused kernels return no weights. Results of the two kernels agree up to rounding.
    """
    kernel = model.config._attn_implementation
    if kernel == "eager":
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(kernel)


@contextmanager
def substitute(outputs: Mapping[nn.Module, Any]) -> Iterator[None]:
    """Replace the outputs of modules, which do not run."""
    for module, output in outputs.items():
        module.forward = lambda *_, output=output, **__: output
    try:
        yield
    finally:
        for module in outputs:
            del module.forward


def _stack(model: Any, part: Part) -> Any:
    """Return the module that holds the blocks of the encoder or the decoder."""
    base = getattr(model, "base_model", model)
    wanted = "encoder" if part == "encoder" else "decoder"
    return getattr(base, wanted, base if part == "encoder" else None)


def _has(module: nn.Module, name: str) -> bool:
    try:
        return isinstance(module.get_submodule(name), nn.Module)
    except AttributeError:
        return False


def _name(model: Any) -> str:
    model_type = getattr(getattr(model, "config", None), "model_type", None)
    return str(model_type or getattr(model, "name", type(model).__name__))
