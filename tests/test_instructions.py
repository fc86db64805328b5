import os

import pytest

from auscult import instructions
from auscult.errors import ConfigError
from auscult.models.training.arithmetic import describe_arithmetic

WIDE = {"X86_V2", "X86_V3", "X86_V4", "AVX512_ICL"}


@pytest.fixture
def environment(monkeypatch):
    """Return a copy of the environment that the functions change instead."""
    changed = {key: value for key, value in os.environ.items() if key not in instructions.instruction_variables(())}
    monkeypatch.setattr(os, "environ", changed)
    monkeypatch.setattr(instructions, "processor_features", lambda: WIDE)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    return changed


def test_native_instructions_set_no_variable(environment):
    before = dict(environment)
    instructions.use_instruction_set("native")
    assert environment == before


def test_avx2_limits_every_library_and_is_recorded(environment):
    assert "AVX2" not in describe_arithmetic()
    instructions.use_instruction_set("avx2")
    assert environment["ATEN_CPU_CAPABILITY"] == "avx2"
    assert environment["MKL_CBWR"] == environment["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert environment["NPY_DISABLE_CPU_FEATURES"] == "AVX512_ICL X86_V4"
    assert "AVX2" in describe_arithmetic()


def test_a_process_started_by_a_limited_one_stays_limited(environment, monkeypatch):
    instructions.use_instruction_set("avx2")
    monkeypatch.setattr(instructions, "processor_features", lambda: {"X86_V2", "X86_V3"})
    instructions.use_instruction_set("avx2")
    assert environment["NPY_DISABLE_CPU_FEATURES"] == "AVX512_ICL X86_V4"


@pytest.mark.parametrize(("machine", "features"), [("aarch64", {"ASIMD"}), ("x86_64", {"X86_V2"})])
def test_avx2_is_refused_on_a_processor_without_it(environment, monkeypatch, machine, features):
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(instructions, "processor_features", lambda: features)
    with pytest.raises(
        ConfigError, match=f"expected a processor with AVX2 .* found {machine} without it; remove the key"
    ):
        instructions.use_instruction_set("avx2")
