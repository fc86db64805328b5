"""One layer of a recorded forward pass: attention weights, values, and its output for changed values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn

from auscult.analyses.mixing.roles import Call, Roles, eager, substitute

__all__ = ["Layer", "open_layer"]


@dataclass(frozen=True)
class Layer:
    """Attention of one layer for one utterance.

    The output of the heads is linear in the values: context[i] = Σ_j weights[i, j] · values[j]. The output of the layer
    without some values therefore needs one subtraction, and the rest of the block for the requested frames alone: after
    attention, no operation combines frames.

    Parameters
    ----------
    roles, calls : modules and recorded calls of the model
    place : index of the layer, from 0
    weights : attention weights [shape=(n_heads, n_queries, n_keys)], each row summing to 1
    values : value vectors with their bias [shape=(n_heads, n_keys, n_head_dims)]
    hidden : input of the block [shape=(n_queries, n_dims)]
    """

    roles: Roles = field(repr=False)
    place: int
    weights: Tensor = field(repr=False)
    values: Tensor = field(repr=False)
    hidden: Tensor = field(repr=False)
    calls: Mapping[str, Call] = field(repr=False)

    @property
    def output(self) -> nn.Linear:
        """Output projection of the concatenated heads."""
        return cast(nn.Linear, self._module(self.roles.output))

    @property
    def norm(self) -> nn.LayerNorm | None:
        """Layer norm directly after the residual of the attention, where there is one."""
        return None if self.roles.norm is None else cast(nn.LayerNorm, self._module(self.roles.norm))

    def context(self, frames: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Return what frames ``start`` to ``stop`` add to others [shape=(n_heads, n_frames, n_head_dims)]."""
        return self.weights[:, frames, start:stop] @ self.values[:, start:stop]

    def outputs(self, contexts: Tensor, frames: Tensor) -> Tensor:
        """Return the output of the layer for changed outputs of its heads.

        Parameters
        ----------
        contexts : outputs of the heads [shape=(n_items, n_heads, n_frames, n_head_dims)]
        frames : indices of their frames [shape=(n_frames,)]

        Returns
        -------
        states : output of the block, for the last block after the model's final norm [shape=(n_items, n_frames,
            n_dims)]
        """
        block, n_items = self.roles.blocks[self.place], len(contexts)
        joined = contexts.transpose(1, 2).flatten(2)
        mixed = self.output(joined) if self.roles.projects else joined
        replaced = {self.roles.attention: mixed}
        for name in self.roles.before:
            replaced[name] = self.calls[name].first[:, frames].expand(n_items, -1, -1)
        outputs = {self._module(name): self._as_returned(name, states) for name, states in replaced.items()}
        others = {}
        encoder = self.calls[""].given(block, "encoder_hidden_states")
        if encoder is not None:
            others["encoder_hidden_states"] = encoder.expand(n_items, -1, -1)
        with substitute(outputs):
            states = block(self.hidden[frames].expand(n_items, -1, -1), attention_mask=None, **others)
        states = states[0] if isinstance(states, tuple) else states
        final_norm = self.roles.final_norm if self.place == len(self.roles.blocks) - 1 else None
        return states if final_norm is None else final_norm(states)

    def _module(self, name: str) -> nn.Module:
        return self.roles.blocks[self.place].get_submodule(name)

    def _as_returned(self, name: str, states: Tensor) -> tuple[Tensor | None, ...]:
        return (states, *[None] * (len(self.calls[name].output) - 1))


def open_layer(roles: Roles, calls: Mapping[str, Call], place: int) -> Layer:
    """Return a layer of a recorded pass; its attention runs once more, with the kernel that returns weights."""
    block = roles.blocks[place]
    attention, call = block.get_submodule(roles.attention), calls[roles.attention]
    weights = _weights(roles.model, attention, call)
    source = call.given(attention, "key_value_states")
    values = block.get_submodule(roles.value)((call.hidden if source is None else source)[0])
    heads = values.unflatten(-1, (len(weights), -1)).transpose(0, 1)
    return Layer(roles, place, weights, heads, calls[""].hidden[0], calls)


def _weights(model: Any, attention: nn.Module, call: Call) -> Tensor:
    """Return the attention weights of each head [shape=(n_heads, n_queries, n_keys)]."""
    if not hasattr(attention, "torch_multi_head_self_attention"):
        with eager(model):
            return attention(*call.args, **call.kwargs)[1][0]
    return _wavlm_weights(attention, call)


def _wavlm_weights(attention: Any, call: Call) -> Tensor:
    # WavLM adds a gated relative position bias within torch's own attention, which returns the mean over heads. The
    # bias is captured on its way there, and the softmax computed here.
    captured = []

    def capture(hidden: Tensor, _: Any, bias: Tensor) -> tuple[Tensor, None]:
        captured.append(bias)
        return hidden, None

    attention.torch_multi_head_self_attention = capture
    try:
        attention(*call.args, **call.kwargs)
    finally:
        del attention.torch_multi_head_self_attention
    heads = (attention.num_heads, -1)
    query, key = (project(call.hidden[0]).unflatten(-1, heads) for project in (attention.q_proj, attention.k_proj))
    return torch.softmax(torch.einsum("qhd,khd->hqk", query * attention.scaling, key) + captured[0], dim=-1)
