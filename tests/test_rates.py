"""Seeded slips in right documents: caught, most of them mended, nothing held against right lines.

A sample of benchmarks/mutation.py.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def campaign() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutation", ROOT / "benchmarks/mutation.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutation"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["softmax-regression/note.md", "mlp/note.md"])
def test_slips_are_caught_and_most_are_mended(campaign: ModuleType, name: str) -> None:
    counts = campaign.measure(ROOT / "derivations" / name, number=60, repairs=20, seed=3)
    assert counts["mutants"] >= 50 and counts["rewritten"] >= 5
    assert counts["FALSE PROOFS"] == 0
    assert counts["false alarms"] == 0
    assert counts["proved"] == counts["proved, true by floats"]
    assert counts["mended to the original meaning"] >= 0.7 * counts["tried to mend"]
