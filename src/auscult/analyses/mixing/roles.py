"""Which modules of a transformer play which role, and what they were given while the model ran.

Attention is where frames mix; everything else in a block works on each frame alone. So three modules of a block (its
attention, the value and the output projection) and the final normalisation are all that context mixing has to find. No
model code is repeated here: blocks and attentions are run as they are, on inputs that hooks have recorded.
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
# Attention, value projection and output projection within a block, as families name them.
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
# The normalisation directly behind the attention's residual: only where it stands there (post-norm).
_NORMS = ("attention.output.LayerNorm", "layer_norm")


@dataclass(frozen=True)
class Roles:
    """The blocks of a transformer and, by their names within a block, the modules that matter to mixing.

    Parameters
    ----------
    model : whose attention kernel is switched while weights are read
    part : ``encoder``; ``decoder``, its self-attention; ``cross``, its attention to the encoder
    blocks : in order of depth
    attention, value, output : the attention, its value projection and the projection of the joined heads
    before : other attentions of the block, which run before this one
    norm : the normalisation right after the attention's residual; None where blocks normalise their input instead
    final_norm : what the last block's output passes on its way out; None in post-norm models
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
        """Whether the attention's own output has passed the output projection; in BERT it has not."""
        return self.output.startswith(f"{self.attention}.")


@dataclass
class Call:
    """What a module was called with, and what it returned."""

    args: tuple
    kwargs: Mapping[str, Any]
    output: Any = field(repr=False)

    @property
    def hidden(self) -> Tensor:
        """The states it was given [shape=(n_items, n_frames, n_dims)]."""
        return self.args[0] if self.args else self.kwargs["hidden_states"]

    @property
    def first(self) -> Tensor:
        """The states it returned [shape=(n_items, n_frames, n_dims)]."""
        return self.output[0] if isinstance(self.output, tuple) else self.output

    def given(self, module: nn.Module, name: str) -> Any:
        """Return an argument by the name it has in the module's signature; None if it was not given."""
        return inspect.signature(module.forward).bind(*self.args, **self.kwargs).arguments.get(name)


def find_roles(model: Any, part: Part = "encoder") -> Roles:
    """Find the modules of a transformer by their roles.

    Parameters
    ----------
    model : a transformers model with an encoder (wav2vec 2.0, HuBERT, WavLM, data2vec, BERT and their kin) or of
        Whisper, with or without heads; of Whisper the encoder alone will do for ``encoder``
    part : see :class:`Roles`

    Raises
    ------
    AnalysisError
        There is no such part, no attention, or blocks mix frames by other means too.
    """
    stack = _stack(model, part)
    blocks = next((tuple(getattr(stack, name)) for name in ("layers", "layer") if hasattr(stack, name)), ())
    names = [names for names in _NAMES[part] if blocks and all(_has(blocks[0], name) for name in names)]
    if not names:
        raise AnalysisError(
            f"expected a transformer whose {part} has attention, found {_name(model)!r}; leave it out of analyses: "
            "mixing: models, or choose a model of wav2vec2, hubert, wavlm, data2vec-audio, whisper or bert"
        )
    if _has(blocks[0], "conv_module"):
        raise AnalysisError(
            f"expected blocks in which frames mix by attention alone, found a convolution in those of "
            f"{_name(model)!r}; leave it out of analyses: mixing: models"
        )
    attention, value, output = names[0]
    pre_norm = _has(blocks[0], "self_attn_layer_norm") or getattr(model.config, "do_stable_layer_norm", False)
    norm = None if pre_norm else next(name for name in _NORMS if _has(blocks[0], name))
    before = ("self_attn",) if part == "cross" else ()
    final = stack.layer_norm if pre_norm else None
    return Roles(model, part, blocks, attention, value, output, before, norm, final)


@contextmanager
def record(roles: Roles) -> Iterator[list[dict[str, Call]]]:
    """Yield a list that holds, after the model has run in the block, the calls of each layer by the module's name.

    The block itself stands under the empty name. Everything is kept as it was given: inputs of all layers, no weights.
    """
    calls: list[dict[str, Call]] = [{} for _ in roles.blocks]
    with ExitStack() as hooks:
        for block, kept in zip(roles.blocks, calls):
            for name in ("", roles.attention, *roles.before):

                def keep(_, args, kwargs, output, kept=kept, name=name):
                    kept[name] = Call(args, kwargs, output)

                handle = block.get_submodule(name).register_forward_hook(keep, with_kwargs=True)
                hooks.callback(handle.remove)
        yield calls


@contextmanager
def eager(model: Any) -> Iterator[None]:
    """Let the model's attentions return their weights, and give it back the kernel it had.

    Fused kernels return no weights; the plain one agrees with them to rounding, not bit by bit.
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
    """Let modules return what they are told instead of running."""
    for module, output in outputs.items():
        module.forward = lambda *_, output=output, **__: output
    try:
        yield
    finally:
        for module in outputs:
            del module.forward


def _stack(model: Any, part: Part) -> Any:
    """Return the encoder or the decoder of a model: what holds its blocks."""
    base = getattr(model, "base_model", model)
    wanted = "encoder" if part == "encoder" else "decoder"
    return getattr(base, wanted, base if part == "encoder" else None)


def _has(module: nn.Module, name: str) -> bool:
    try:
        return isinstance(module.get_submodule(name), nn.Module)
    except AttributeError:
        return False


def _name(model: Any) -> str:
    return getattr(getattr(model, "config", None), "model_type", None) or getattr(model, "name", type(model).__name__)
