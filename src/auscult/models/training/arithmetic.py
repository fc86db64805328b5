"""Threads and matrix products of a training: the fastest products that are exact in float32 on this processor."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import threadpool_limits

__all__ = ["training_arithmetic", "describe_arithmetic", "products_are_exact"]

# Relative error of a product of two matrices of 256 rows: about 4e-7 in float32, 2e-3 in bfloat16.
_FLOAT32_ERROR = 1e-5


@contextmanager
def training_arithmetic(n_threads: int) -> Iterator[None]:
    """Limit all numerical libraries to ``n_threads`` and choose the matrix products; restore both at the end.

    With precision ``medium``, torch computes matrix products by oneDNN, which is about twice as fast as its default on
    processors with AVX-512. oneDNN may use bfloat16 where the processor multiplies it in hardware (AMX); there the
    default is kept: :func:`describe_arithmetic` measures which is the case, and checkpoints record it.
    """
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(n_threads)
    torch.set_float32_matmul_precision("medium" if products_are_exact("medium") else "highest")
    try:
        with threadpool_limits(limits=n_threads):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


def describe_arithmetic() -> str:
    """Return how matrices are multiplied in a training, for manifests: ``"float32 (oneDNN)"`` or ``"float32"``."""
    return "float32 (oneDNN)" if products_are_exact("medium") else "float32"


@cache
def products_are_exact(precision: str) -> bool:
    """Return whether a precision of ``torch.set_float32_matmul_precision`` has the rounding errors of float32."""
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, 256, 256, generator=generator)
    expected, before = left.double() @ right.double(), torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        error = (left @ right - expected).norm() / expected.norm()
    finally:
        torch.set_float32_matmul_precision(before)
    return bool(error < _FLOAT32_ERROR)
