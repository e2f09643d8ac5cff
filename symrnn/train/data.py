"""Sequences to learn from: text, CSV and NPZ files, and the embedded Reber grammar.

A data set is a list of (inputs, classes) pairs, one for each sequence. Batches hold sequences of one length, so that
nothing is padded and the loss is the document's.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from symrnn.diagnostic import UsageError

Array = np.ndarray[Any, np.dtype[Any]]
Sequence = tuple[Array, Array]  # inputs (T, n), classes (T,) or targets (T, m)

REBER = "BEPSTVX"
# The automaton: state → the symbols it allows and the states that they lead to.
_GRAMMAR: dict[int, dict[str, int]] = {
    0: {"B": 1}, 1: {"T": 2, "P": 3}, 2: {"S": 2, "X": 4}, 3: {"T": 3, "V": 5}, 4: {"X": 3, "S": 6},
    5: {"P": 4, "V": 6}, 6: {"E": -1},
}  # fmt: skip


@dataclass(frozen=True)
class Data:
    """Sequences over numbered symbols. ``stream``: one long sequence, whose state is carried from window to window.

    ``kind``: "text" (the next symbol is the target), "lines" (the same, line by line, with an end symbol),
    "classes" (each sequence has one class, the target of every step).
    """

    kind: str
    sequences: tuple[Sequence, ...]
    symbols: tuple[str, ...]  # names of the classes
    inputs: int
    allowed: tuple[tuple[frozenset[int], ...], ...] = field(default=(), compare=False)  # by the Reber automaton

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.symbols)

    @property
    def start(self) -> int | None:
        """The symbol that every sequence begins with, if there is one."""
        first = {int(x[0].argmax()) for x, _ in self.sequences}
        return first.pop() if self.kind == "lines" and len(first) == 1 and self.inputs == self.classes else None

    @property
    def stop(self) -> tuple[int, int] | None:
        """The symbol that every sequence ends with, if there is one, and how many of it each sequence has."""
        ends = {(int(y[-1]), int((y == y[-1]).sum())) for _, y in self.sequences if y.ndim == 1}
        return ends.pop() if self.kind == "lines" and len(ends) == 1 else None

    def digest(self) -> str:
        """A hash of all numbers, to know the data again."""
        found = hashlib.sha256(repr(self.symbols).encode())
        for x, y in self.sequences:
            found.update(np.ascontiguousarray(x).tobytes())
            found.update(np.ascontiguousarray(y).tobytes())
        return found.hexdigest()

    def split(self, share: float, seed: int) -> tuple[Data, Data]:
        """Training and validation parts: a random choice of sequences, or of a text its end."""
        if self.kind == "text":
            (x, y), cut = self.sequences[0], round(len(self.sequences[0][0]) * (1 - share))
            parts = ((x[:cut], y[:cut]),), ((x[cut:], y[cut:]),)
            return replace(self, sequences=parts[0]), replace(self, sequences=parts[1])
        order = np.random.default_rng(seed).permutation(len(self.sequences))
        held = sorted(order[: round(len(order) * share)].tolist())
        rest = sorted(set(range(len(order))) - set(held))
        return self._part(rest), self._part(held)

    def _part(self, which: list[int]) -> Data:
        allowed = tuple(self.allowed[k] for k in which) if self.allowed else ()
        return replace(self, sequences=tuple(self.sequences[k] for k in which), allowed=allowed)


def one_hots(classes: Array, size: int) -> Array:
    """Unit vectors, one a step."""
    out = np.zeros((len(classes), size))
    out[np.arange(len(classes)), classes] = 1
    return out


# -- the embedded Reber grammar ---------------------------------------------------------------


def reber(count: int, seed: int = 0, embedded: bool = True) -> Data:
    """``count`` different strings of the (embedded) Reber grammar, each with the symbols allowed at every step.

    An embedded string is B, T or P, a Reber string, the same T or P again, E: the network has to remember the
    second symbol to the end.
    """
    rng = np.random.default_rng(seed)
    seen: dict[str, list[str]] = {}
    while len(seen) < count:
        text, allowed = _walk(rng)
        if embedded:
            frame = "TP"[int(rng.integers(2))]
            text = f"B{frame}{text}{frame}E"
            allowed = ["B", "TP", *allowed, frame, "E"]
        seen.setdefault(text, allowed)
    sequences, all_allowed = [], []
    for text, allowed in seen.items():
        codes = np.array([REBER.index(c) for c in text])
        sequences.append((one_hots(codes[:-1], len(REBER)), codes[1:]))
        all_allowed.append(tuple(frozenset(REBER.index(c) for c in step) for step in allowed[1:]))
    return Data("lines", tuple(sequences), tuple(REBER), len(REBER), tuple(all_allowed))


def _walk(rng: np.random.Generator) -> tuple[str, list[str]]:
    state, text, allowed = 0, "", []
    while state >= 0:
        edges = _GRAMMAR[state]
        symbols = sorted(edges)
        allowed.append("".join(symbols))
        symbol = symbols[int(rng.integers(len(symbols)))]
        text += symbol
        state = edges[symbol]
    return text, allowed


# -- files ------------------------------------------------------------------------------------

END = "\n"


def read(path: str | Path, kind: str | None = None) -> Data:
    """Read a data set. ``reber`` and ``reber:500`` name the generated grammar, ``names``, ``names:male`` and
    ``names:last`` the lists of the package of that name (from the census of 1990); else by the file's ending:
    ``.csv`` (columns sequence, class, then numbers; one row a step), ``.npz`` (arrays x and y), or text.

    ``kind``: "text" for one stream (default for text), "lines" for a sequence a line.
    Raises UsageError for what cannot be read, is empty, or holds what is no finite number.
    """
    name = str(path)
    if name == "reber" or name.startswith("reber:"):
        count = name.partition(":")[2] or "500"
        if not count.isdigit() or not 2 <= int(count) <= 100_000:
            raise UsageError(f"reber:{count} is not a number of strings from 2 to 100000")
        return reber(int(count))
    file = Path(path)
    if not file.is_file() and name.partition(":")[0] == "names":
        return _names(name.partition(":")[2] or "female")
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    if file.suffix == ".csv":
        return _csv(file)
    if file.suffix == ".npz":
        return _npz(file)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 text (byte {error.start})") from error
    return from_text(text, kind or "text", str(file))


def from_text(text: str, kind: str, name: str = "text", symbols: tuple[str, ...] | None = None) -> Data:
    """Characters as classes; of each the next is the target. Raises UsageError for an empty text."""
    text = text.replace("\r\n", "\n")
    pieces = [text] if kind == "text" else [f"{END}{line}{END}" for line in text.split("\n") if line.strip()]
    if kind not in ("text", "lines"):
        raise UsageError(f"a text is read as text or lines, not as {kind}")
    if not pieces or any(len(p) < 2 for p in pieces):
        raise UsageError(f"{name}: is empty: a sequence needs at least two symbols")
    symbols = symbols or tuple(sorted(set("".join(pieces))))
    codes = {c: k for k, c in enumerate(symbols)}
    sequences = []
    for piece in pieces:
        unknown = next((c for c in piece if c not in codes), None)
        if unknown is not None:
            raise UsageError(f"{name}: holds {unknown!r}, which is not in the alphabet")
        numbers = np.array([codes[c] for c in piece])
        sequences.append((one_hots(numbers[:-1], len(symbols)), numbers[1:]))
    return Data(kind, tuple(sequences), symbols, len(symbols))


def _names(which: str) -> Data:
    """The names of the package ``names``, the most frequent first, one sequence each."""
    try:
        import names
    except ImportError:
        raise UsageError("--data names needs the package names: pip install 'symrnn[data]'") from None
    lists = {k.split(":")[-1]: k for k in names.FILES}
    if which not in lists:
        raise UsageError(f"there are no names:{which}; there are {', '.join(f'names:{k}' for k in sorted(lists))}")
    lines = Path(names.FILES[lists[which]]).read_text(encoding="utf-8").splitlines()
    return from_text("\n".join(line.split()[0].capitalize() for line in lines), "lines")


def _csv(file: Path) -> Data:
    """Rows ``sequence,class,number…``: the steps of a sequence stand one below the other."""
    table: dict[str, tuple[str, list[list[float]]]] = {}
    with file.open(newline="", encoding="utf-8") as handle:
        rows = csv.reader(handle)
        head = next(rows, None)
        if head is None or len(head) < 3:
            raise UsageError(f"{file}:1: the columns are sequence, class, and at least one of numbers")
        for k, row in enumerate(rows, 2):
            if not row:
                continue
            if len(row) != len(head):
                raise UsageError(f"{file}:{k}: has {len(row)} columns, the head has {len(head)}")
            try:
                numbers = [float(cell) for cell in row[2:]]
            except ValueError as error:
                raise UsageError(f"{file}:{k}: {error}") from error
            if not np.isfinite(numbers).all():
                raise UsageError(f"{file}:{k}: holds a number that is not finite")
            label, steps = table.setdefault(row[0], (row[1], []))
            if label != row[1]:
                raise UsageError(f"{file}:{k}: sequence {row[0]} has the classes {label} and {row[1]}")
            steps.append(numbers)
    if not table:
        raise UsageError(f"{file}: is empty")
    symbols = tuple(sorted({label for label, _ in table.values()}))
    sequences = [(np.array(s), np.full(len(s), symbols.index(label))) for label, s in table.values()]
    return Data("classes", tuple(sequences), symbols, sequences[0][0].shape[1])


def _npz(file: Path) -> Data:
    """Arrays ``x`` (N, T, n) and ``y``: classes (N,), or one a step (N, T)."""
    try:
        with np.load(file, allow_pickle=False) as found:
            if "x" not in found or "y" not in found:
                raise UsageError(f"{file}: holds {', '.join(found) or 'nothing'}; it must hold x and y")
            x, y = found["x"], found["y"]
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        raise UsageError(f"{file}: cannot be read as npz: {error}") from error
    if x.ndim != 3 or 0 in x.shape:
        raise UsageError(f"{file}: x has shape {x.shape}, it must be (sequences, steps, numbers), none of them 0")
    if x.dtype.kind not in "fiu" or not np.isfinite(x).all():
        raise UsageError(f"{file}: x holds what is no finite number")
    if y.dtype.kind not in "iu" or y.shape not in (x.shape[:1], x.shape[:2]) or y.min() < 0:
        raise UsageError(f"{file}: y must hold classes 0, 1, …, of shape {x.shape[:1]} or {x.shape[:2]}")
    classes = np.broadcast_to(y[:, None], x.shape[:2]) if y.ndim == 1 else y
    symbols = tuple(str(k) for k in range(int(y.max()) + 1))
    return Data("classes" if y.ndim == 1 else "lines", tuple(zip(x, classes, strict=True)), symbols, x.shape[2])


# -- batches ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Inputs (T, B, n) and classes (T, B); ``fresh``: the states before it are zero, not those after the last."""

    x: Array
    y: Array
    fresh: bool = True


def batches(data: Data, size: int, window: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    """One pass over the data, in random order with ``rng``.

    Sequences: batches of one length; those longer than ``window`` go through in pieces with their state carried.
    A text: ``size`` streams side by side, in windows.
    """
    if data.kind == "text":
        x, y = data.sequences[0]
        rows = min(size, max(1, len(x) // 2))
        length = len(x) // rows
        xs = x[: rows * length].reshape(rows, length, -1).swapaxes(0, 1)
        ys = y[: rows * length].reshape(rows, length).T
        for k in range(0, length, window):
            yield Batch(xs[k : k + window], ys[k : k + window], k == 0)
        return
    lengths: dict[int, list[int]] = {}
    order = np.arange(len(data.sequences)) if rng is None else rng.permutation(len(data.sequences))
    for k in order:
        lengths.setdefault(len(data.sequences[k][0]), []).append(int(k))
    chunks = [ks[i : i + size] for ks in lengths.values() for i in range(0, len(ks), size)]
    if rng is not None:
        chunks = [chunks[i] for i in rng.permutation(len(chunks))]
    for chunk in chunks:
        xs = np.stack([data.sequences[k][0] for k in chunk], 1)
        ys = np.stack([data.sequences[k][1] for k in chunk], 1)
        for k in range(0, len(xs), window):
            yield Batch(xs[k : k + window], ys[k : k + window], k == 0)
