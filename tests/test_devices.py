"""Choice of device: a GPU if one is available, and a clear error if a requested one is not."""

import pytest
import torch

from auscult.devices import pick_device
from auscult.errors import ConfigError


@pytest.mark.parametrize(("available", "device"), [(True, "cuda"), (False, "cpu")])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, available, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert pick_device("auto") == device


def test_a_device_asked_for_is_kept(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert [pick_device(name) for name in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda:1"]


def test_convolutions_on_a_gpu_are_not_rounded(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    pick_device("auto")
    assert not torch.backends.cudnn.allow_tf32


def test_a_gpu_asked_for_in_vain_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="expected a GPU for device 'cuda', found none; set device: auto or cpu"):
        pick_device("cuda")
