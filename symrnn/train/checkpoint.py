"""Checkpoints: one npz file, written beside and renamed, so that a half-written one is never seen."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from symrnn.diagnostic import UsageError

Array = np.ndarray[Any, np.dtype[Any]]
VERSION = 1


@dataclass
class Checkpoint:
    """All that a run needs to go on as if it had not stopped.

    ``about``: what was trained and how (document, options, symbols, sizes, the hash of the equations used),
    ``progress``: step, epoch, losses, the generators' states; the arrays by name.
    """

    about: dict[str, Any]
    progress: dict[str, Any]
    params: dict[str, Array]
    best: dict[str, Array] = field(default_factory=dict)
    optimiser: dict[str, Array] = field(default_factory=dict)
    states: dict[str, Array] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write to ``path`` at once. Raises UsageError when that is not possible."""
        arrays = {"about": _text({"version": VERSION, **self.about}), "progress": _text(self.progress)}
        for group in ("params", "best", "optimiser", "states"):
            arrays |= {f"{group}/{k}": v for k, v in getattr(self, group).items()}
        beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            with beside.open("wb") as handle:
                np.savez(handle, **arrays)  # type: ignore[arg-type]
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(beside, path)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def load(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises UsageError for a file that is none."""
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {k: found[k] for k in found.files}
        about, progress = (json.loads(str(arrays.pop(k))) for k in ("about", "progress"))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UsageError(f"{path}: is no checkpoint of symrnn") from error
    if about.pop("version", None) != VERSION:
        raise UsageError(f"{path}: is a checkpoint of another version")
    groups: dict[str, dict[str, Array]] = {"params": {}, "best": {}, "optimiser": {}, "states": {}}
    for name, a in arrays.items():
        group, _, rest = name.partition("/")
        if group in groups:
            groups[group][rest] = a
    return Checkpoint(about, progress, **groups)


def _text(value: dict[str, Any]) -> Array:
    return np.array(json.dumps(value, ensure_ascii=False, sort_keys=True))
