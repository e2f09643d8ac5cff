"""The loss curve as a picture."""

from __future__ import annotations

import math
from pathlib import Path

from symrnn.diagnostic import UsageError


def draw(history: list[tuple[int, float, float]], path: Path) -> None:
    """Training and validation loss over the steps, into a PNG or SVG file.

    Raises UsageError without matplotlib, or for another ending.
    """
    if path.suffix not in (".png", ".svg"):
        raise UsageError(f"{path}: the curve is drawn as .png or .svg")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("--curve needs matplotlib: pip install 'symrnn[plot]'") from None
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    steps = [s for s, _, _ in history]
    marker = "o" if len(steps) < 30 else None
    axes.plot(steps, [a for _, a, _ in history], label="training", marker=marker, markersize=3)
    if any(not math.isnan(v) for _, _, v in history):
        axes.plot(steps, [v for _, _, v in history], label="validation", marker=marker, markersize=3)
    axes.set_xlabel("step")
    axes.set_ylabel("loss a symbol")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=150)
