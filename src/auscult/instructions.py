"""The instruction set of the numerical libraries: the processor's best, or AVX2, which most x86-64 processors share.

Libraries choose their kernels by the processor. Kernels of other instruction sets add in another order, so the last
digits differ, and trainings carry the difference on. With AVX2 everywhere, processors with and without AVX-512
run the same kernels, at the cost of slower products. That all bytes are equal then has not been shown yet.
"""

import os
import platform
from collections.abc import Collection

import numpy as np

from auscult.errors import ConfigError

__all__ = ["INSTRUCTION_SETS", "use_instruction_set", "instruction_variables", "processor_features"]

INSTRUCTION_SETS = ("native", "avx2")
_NUMPY = "NPY_DISABLE_CPU_FEATURES"
# Names of numpy for what lies beyond AVX2.
_BEYOND = ("AVX512", "X86_V4")


def use_instruction_set(name: str) -> None:
    """Set the variables of all numerical libraries, for processes that are started later.

    The running process has loaded its libraries already and is not changed.

    Raises
    ------
    ConfigError
        The processor does not have the instruction set.
    """
    if name == "native":
        return
    features = processor_features()
    if platform.machine().lower() not in ("x86_64", "amd64") or not features & {"X86_V3", "AVX2"}:
        raise ConfigError(
            f"expected a processor with {name.upper()} for instruction_set: {name}, found {platform.machine()} without "
            "it; remove the key, so that the processor's own instructions are used"
        )
    variables = instruction_variables(features)
    # A process started by one that is limited already no longer sees what it must not use.
    variables[_NUMPY] = os.environ.get(_NUMPY) or variables[_NUMPY]
    os.environ.update(variables)


def instruction_variables(features: Collection[str]) -> dict[str, str]:
    """Return the environment variables that limit each library to AVX2.

    Parameters
    ----------
    features : instruction sets of this processor, by numpy's names
    """
    return {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NUMBA_CPU_NAME": "haswell",
        _NUMPY: " ".join(sorted(name for name in features if name.startswith(_BEYOND))),
    }


def processor_features() -> set[str]:
    """Return the instruction sets that numpy finds on this processor, by its names."""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    return {*simd.get("baseline", ()), *simd.get("found", ())}
