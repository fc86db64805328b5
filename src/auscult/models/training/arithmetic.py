"""Threads and matrix products of a training: the fastest products that are exact in float32 on this processor."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits

__all__ = ["training_arithmetic", "describe_arithmetic", "processor_maker", "products_are_exact"]

# Relative error of a product of two matrices of 256 rows: about 4e-7 in float32, 2e-3 in bfloat16.
_FLOAT32_ERROR = 1e-5


@contextmanager
def training_arithmetic(n_threads: int) -> Iterator[None]:
    """Limit all numerical libraries to ``n_threads`` and choose the matrix products; restore both at the end.

    With precision ``medium``, torch computes matrix products by oneDNN instead of MKL. MKL takes a slow path on
    processors of other makers than Intel, where oneDNN is about twice as fast; on Intel's, MKL is the faster one (small
    matrices: 1.3 to 1.8 times). oneDNN may use bfloat16 where the processor multiplies it in hardware (AMX); there the
    default is kept. The choice follows from the processor alone, so that a training repeats its bytes, and checkpoints
    record it (:func:`describe_arithmetic`).
    """
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(n_threads)
    torch.set_float32_matmul_precision("medium" if _takes_onednn() else "highest")
    try:
        with threadpool_limits(limits=n_threads):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


def describe_arithmetic() -> str:
    """Return how matrices are multiplied in a training, for manifests: ``"float32"``, by oneDNN, limited to AVX2."""
    limits = ["oneDNN"] * _takes_onednn() + ["AVX2"] * (os.environ.get("ATEN_CPU_CAPABILITY") == "avx2")
    return f"float32 ({', '.join(limits)})" if limits else "float32"


def _takes_onednn() -> bool:
    return processor_maker() != "GenuineIntel" and products_are_exact("medium")


@cache
def processor_maker() -> str:
    """Return the maker as the processor states it, such as ``GenuineIntel``; empty where Linux does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith("vendor_id"))
    return next(found, "")


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
