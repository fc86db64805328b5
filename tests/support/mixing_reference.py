"""Reference implementation of value zeroing: for each segment, zero its values, run the block again and compare."""

from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F

from auscult.analyses.mixing.roles import find_roles, record


def plain_value_zeroing(model, run, spans, part="encoder", columns=None, head=None):
    """Return the score matrix of every layer [shape=(n_rows, n_columns)], using only the unmodified blocks."""
    roles, columns = find_roles(model, part), spans if columns is None else columns
    kernel = model.config._attn_implementation
    if kernel != "eager":
        model.set_attn_implementation("eager")
    matrices = []
    with torch.inference_mode():
        with record(roles) as calls:
            run()
        for place, (block, call) in enumerate(zip(roles.blocks, calls)):
            finish = (
                roles.final_norm
                if place == len(roles.blocks) - 1 and roles.final_norm is not None
                else torch.nn.Identity()
            )
            original = finish(first(block(*call[""].args, **call[""].kwargs)))[0]
            matrix = np.empty((len(spans), len(columns)))
            for j, (start, stop) in enumerate(columns):
                with zeroed(block, roles, start, stop, head):
                    altered = finish(first(block(*call[""].args, **call[""].kwargs)))[0]
                distance = 1 - F.cosine_similarity(altered.double(), original.double(), dim=-1)
                matrix[:, j] = [distance[a:b].mean() for a, b in spans]
            matrices.append(matrix / matrix.sum(axis=1, keepdims=True))
    if kernel != "eager":
        model.set_attn_implementation(kernel)
    return matrices


def first(output):
    return output[0] if isinstance(output, tuple) else output


@contextmanager
def zeroed(block, roles, start, stop, head=None):
    """Set the values of frames ``start`` to ``stop`` to zero within the block, for one attention head or all."""
    value = block.get_submodule(roles.value)

    def zero(_, __, output):
        output = output.clone()
        width = output.shape[-1] // n_heads(block.get_submodule(roles.attention))
        dims = slice(None) if head is None else slice(head * width, (head + 1) * width)
        output[..., start:stop, dims] = 0
        return output

    attention = block.get_submodule(roles.attention)
    if not hasattr(attention, "torch_multi_head_self_attention"):
        handle = value.register_forward_hook(zero)
        yield
        handle.remove()
        return

    # WavLM does not call its value projection but passes its weights to torch. Here torch gets zeroed values and an
    # identity projection instead.
    stock = F.multi_head_attention_forward

    def given(query, key, _, dims, heads, in_weight, in_bias, *rest, **options):
        values = zero(None, None, value(key.transpose(0, 1))).transpose(0, 1)
        bias = torch.cat([in_bias[: 2 * dims], torch.zeros(dims)])
        options["v_proj_weight"] = torch.eye(dims)
        return stock(query, key, values, dims, heads, in_weight, bias, *rest, **options)

    F.multi_head_attention_forward = given
    yield
    F.multi_head_attention_forward = stock


def n_heads(attention):
    return getattr(attention, "num_heads", None) or attention.num_attention_heads
