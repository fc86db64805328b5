"""One layer of a recorded pass, opened: its attention weights, its values, and what it returns for other values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from auscult.analyses.mixing.roles import Call, Roles, eager, substitute

__all__ = ["Layer", "open_layer"]


@dataclass(frozen=True)
class Layer:
    """The mixing of one layer, of one utterance.

    The output of the heads is linear in the values, context[i] = Σ_j weights[i, j] · values[j]: so what the layer would
    return without some values follows from one subtraction, and from running the rest of the block on the frames asked
    for alone, because nothing behind the attention looks at another frame.

    Parameters
    ----------
    weights : attention of the pass [shape=(n_heads, n_queries, n_keys)], each row summing to 1
    values : with their bias [shape=(n_heads, n_keys, n_head_dims)]
    hidden : what the block was given [shape=(n_queries, n_dims)]
    """

    roles: Roles = field(repr=False)
    place: int
    weights: Tensor = field(repr=False)
    values: Tensor = field(repr=False)
    hidden: Tensor = field(repr=False)
    calls: Mapping[str, Call] = field(repr=False)

    @property
    def output(self) -> nn.Linear:
        """The projection of the joined heads."""
        return self._module(self.roles.output)

    @property
    def norm(self) -> nn.LayerNorm | None:
        """The normalisation right after the attention's residual, where there is one."""
        return None if self.roles.norm is None else self._module(self.roles.norm)

    def context(self, frames: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Return what frames ``start`` to ``stop`` give to some frames [shape=(n_heads, n_frames, n_head_dims)]."""
        return self.weights[:, frames, start:stop] @ self.values[:, start:stop]

    def outputs(self, contexts: Tensor, frames: Tensor) -> Tensor:
        """Return what the layer gives for other outputs of its heads.

        Parameters
        ----------
        contexts : [shape=(n_items, n_heads, n_frames, n_head_dims)]
        frames : which frames they are of [shape=(n_frames,)]

        Returns
        -------
        states [shape=(n_items, n_frames, n_dims)]: of the block; of the last one, after the model's final normalisation
        """
        block, n_items = self.roles.blocks[self.place], len(contexts)
        joined = contexts.transpose(1, 2).flatten(2)
        mixed = self.output(joined) if self.roles.projects else joined
        replaced = {self.roles.attention: mixed}
        for name in self.roles.before:
            replaced[name] = self.calls[name].first[:, frames].expand(n_items, -1, -1)
        told = {self._module(name): self._as_returned(name, states) for name, states in replaced.items()}
        others = {}
        encoder = self.calls[""].given(block, "encoder_hidden_states")
        if encoder is not None:
            others["encoder_hidden_states"] = encoder.expand(n_items, -1, -1)
        with substitute(told):
            states = block(self.hidden[frames].expand(n_items, -1, -1), attention_mask=None, **others)
        states = states[0] if isinstance(states, tuple) else states
        last = self.place == len(self.roles.blocks) - 1 and self.roles.final_norm is not None
        return self.roles.final_norm(states) if last else states

    def _module(self, name: str) -> nn.Module:
        return self.roles.blocks[self.place].get_submodule(name)

    def _as_returned(self, name: str, states: Tensor) -> tuple:
        return (states, *[None] * (len(self.calls[name].output) - 1))


def open_layer(roles: Roles, calls: Mapping[str, Call], place: int) -> Layer:
    """Return a layer of a recorded pass: its attention alone is run again, with the kernel that returns weights."""
    block = roles.blocks[place]
    attention, call = block.get_submodule(roles.attention), calls[roles.attention]
    weights = _weights(roles.model, attention, call)
    source = call.given(attention, "key_value_states")
    values = block.get_submodule(roles.value)((call.hidden if source is None else source)[0])
    heads = values.unflatten(-1, (len(weights), -1)).transpose(0, 1)
    return Layer(roles, place, weights, heads, calls[""].hidden[0], calls)


def _weights(model: Any, attention: nn.Module, call: Call) -> Tensor:
    """Return the weights of each head [shape=(n_heads, n_queries, n_keys)]."""
    if not hasattr(attention, "torch_multi_head_self_attention"):
        with eager(model):
            return attention(*call.args, **call.kwargs)[1][0]
    # WavLM gates a relative position bias and hands it to torch, which returns the mean over heads. It is taken as the
    # module hands it over, and the softmax done here.
    taken = []

    def take(hidden: Tensor, _: Any, bias: Tensor) -> tuple[Tensor, None]:
        taken.append(bias)
        return hidden, None

    attention.torch_multi_head_self_attention = take
    try:
        attention(*call.args, **call.kwargs)
    finally:
        del attention.torch_multi_head_self_attention
    heads = (attention.num_heads, -1)
    query, key = (project(call.hidden[0]).unflatten(-1, heads) for project in (attention.q_proj, attention.k_proj))
    return torch.softmax(torch.einsum("qhd,khd->hqk", query * attention.scaling, key) + taken[0], dim=-1)
