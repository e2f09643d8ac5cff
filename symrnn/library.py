"""The library's front door: ``check`` a document, get a ``Report``."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from symrnn.checker import Checker
from symrnn.diagnostic import UsageError
from symrnn.lint import lint
from symrnn.manifest import Manifest, load, loads
from symrnn.read.document import Document, read_path, read_text
from symrnn.verdict import EquationReport, Kind, Repair

if TYPE_CHECKING:
    from symrnn.model import SympyModel
    from symrnn.train.net import Net

SUFFIXES = (".md", ".markdown", ".tex")


@dataclass
class Report:
    """The verdicts of one document: ``report["25"].verdict``; ``report.model``: its definitions in SymPy."""

    path: str
    manifest: str | None
    document: Document
    equations: tuple[EquationReport, ...]
    checker: Checker = field(repr=False)
    _repaired: dict[tuple[bool, int], tuple[EquationReport, ...]] = field(default_factory=dict, repr=False)

    def __getitem__(self, number: str) -> EquationReport:
        """The equation with this number (the first, should the document have several).

        Its ``repairs`` are searched for, in the whole document and once, when they are looked at.
        """
        for k, equation in enumerate(self.equations):
            if equation.number == number:
                wrong = equation.verdict not in (Kind.PROVED, Kind.DEFINED)
                return replace(equation, repairs=_Sought(self, k)) if wrong else equation
        raise KeyError(f"{self.path} has no equation ({number})")

    def __iter__(self) -> Iterator[EquationReport]:
        return iter(self.equations)

    def repaired(
        self,
        unsafe: bool = True,
        effort: int = 1,
        progress: Callable[[int, int], None] = lambda done, of: None,
        jobs: int | None = None,
    ) -> tuple[EquationReport, ...]:
        """The verdicts with proved repairs of every line that is not right as printed; searched for once.

        ``unsafe``: whether later lines of a chain may rely on an unsafe repair of its head. ``effort``: how many
        times as long as usual to search for edits of several slips. ``jobs``: how many lines to search at once, by
        default one for each processor; the repairs are the same.
        """
        key = (unsafe, effort)
        if key not in self._repaired:
            from symrnn.repair.ahead import processors
            from symrnn.repair.mend import mend

            with calm():
                found = mend(self.checker, self.equations, unsafe, effort, progress, jobs or processors())
                self._repaired[key] = tuple(found)
        return self._repaired[key]

    def corrected(self, unsafe: bool = False, effort: int = 1) -> str:
        """The author's text with every safe repair made (with ``unsafe``, the first of several equal ones too)."""
        from symrnn.repair.mend import corrected

        return corrected(self.document.source.text, self.repaired(unsafe, effort), unsafe)[0]

    @property
    def summary(self) -> dict[Kind, int]:
        """How many equations have each verdict."""
        return {kind: sum(e.verdict is kind for e in self.equations) for kind in Kind}

    @property
    def model(self) -> SympyModel:
        """The document's definitions as exact SymPy expressions."""
        from symrnn.model import SympyModel

        return SympyModel(self.checker)

    def compile(self, backend: str = "numpy", dtype: str = "float64", **options: Any) -> Net:
        """The proved equations as numeric code: ``net.value_and_grad(params, xs, ys)``.

        Options: see ``symrnn.train.net.compile_document``. Raises UsageError for what is not proved, by number.
        """
        from importlib import import_module

        compiler, known = import_module("symrnn.train.net"), dict(enumerate(self.equations))
        made: Net = compiler.compile_document(self.checker, self.path, backend, dtype, known, **options)
        return made


class _Sought(Sequence[Repair]):
    """The repairs of one equation, searched for when they are first looked at."""

    def __init__(self, report: Report, k: int) -> None:
        self._report = report
        self._k = k

    @overload
    def __getitem__(self, key: int) -> Repair: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Repair]: ...
    def __getitem__(self, key: int | slice) -> Repair | Sequence[Repair]:
        return self._report.repaired()[self._k].repairs[key]

    def __len__(self) -> int:
        return len(self._report.repaired()[self._k].repairs)

    def __repr__(self) -> str:
        return "repairs, not yet searched for"


def check(
    document: str | Path,
    manifest: str | Path | Manifest | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Report:
    """Check a document: a path, or its text (anything with a line break or a ``$``) in Markdown.

    ``manifest``: a path, a Manifest, or TOML text. Without it, that of a path is ``NAME.toml`` beside ``NAME.md``, or
    the one manifest of another document in the folder.
    Raises UsageError for input that cannot be read.
    """
    with calm():
        begun = draft(document, manifest)
        checker = begun.checker
        total = len(checker.paper.equations)
        out = []
        warnings = lint(checker)
        for done, equation in enumerate(checker.paper.equations, 1):
            verdict = checker.equation(equation)
            out.append(replace(verdict, diagnostics=(*verdict.diagnostics, *warnings[done - 1])))
            progress(done, total)
    return Report(begun.path, begun.manifest, checker.document, tuple(out), checker)


@dataclass
class Draft:
    """A document read and its definitions understood, and of its equations judged what somebody has asked for."""

    path: str
    manifest: str | None
    checker: Checker = field(repr=False)
    known: dict[int, EquationReport] = field(default_factory=dict, repr=False)

    def compile(self, backend: str = "numpy", dtype: str = "float64", **options: Any) -> Net:
        """As ``Report.compile``; judged are the equations that define and those that run, and no others."""
        from importlib import import_module

        self.checker.stepwise = False
        compiler = import_module("symrnn.train.net")
        with calm():
            made: Net = compiler.compile_document(self.checker, self.path, backend, dtype, self.known, **options)
        return made


def compile(
    document: str | Path,
    manifest: str | Path | Manifest | None = None,
    backend: str = "numpy",
    dtype: str = "float64",
    **options: Any,
) -> Net:
    """The proved equations of a document as numeric code: as ``check(document).compile()`` gives, and sooner.

    Only the equations that define and those that run are judged. Arguments as of ``check`` and of ``Report.compile``.
    Raises UsageError for input that cannot be read and for what is not proved, by number.
    """
    with calm():
        return draft(document, manifest).compile(backend, dtype, **options)


def prepare(document: str | Path, manifest: str | Path | Manifest | None = None) -> Checker:
    """A document read and its definitions understood, nothing checked yet. Arguments and errors as of ``check``."""
    return draft(document, manifest).checker


def draft(document: str | Path, manifest: str | Path | Manifest | None = None) -> Draft:
    """A document of which nothing is checked yet. Arguments and errors as of ``check``."""
    text = str(document)
    if isinstance(document, str) and ("\n" in text or "$" in text):
        read, path = read_text(text), None
    else:
        path = Path(document)
        read = read_path(path)
    found, name = _manifest(manifest, path)
    if not any(f.display for f in read.formulas):
        raise UsageError(f"{read.source.path}: no displayed equation ($$…$$, \\[…\\], equation, align) was found")
    return Draft(str(path) if path else read.source.path, name, Checker(read, found))


@contextmanager
def calm() -> Iterator[None]:
    """Look for garbage in cycles a hundred times less often: terms are kept, so there is next to none to be found."""
    before = gc.get_threshold()
    gc.set_threshold(100 * before[0], *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _manifest(given: str | Path | Manifest | None, path: Path | None) -> tuple[Manifest, str | None]:
    if isinstance(given, Manifest):
        return given, None
    if isinstance(given, str) and "\n" in given:
        return loads(given), None
    if given is not None:
        return load(Path(given)), str(given)
    if path is not None and (beside := path.with_suffix(".toml")).is_file():
        return load(beside), str(beside)
    if path is not None:  # another edition of the one document in the folder that has a manifest
        found = [m for m in path.parent.glob("*.toml") if any(m.with_suffix(s).is_file() for s in SUFFIXES)]
        if len(found) == 1:
            return load(found[0]), str(found[0])
    return Manifest(), None


def documents(path: Path) -> list[Path]:
    """The documents that a path names: itself, or all in the folder that have a manifest beside them.

    Raises UsageError when there is nothing to check.
    """
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.with_suffix(".toml").is_file())
    if not found:
        raise UsageError(f"{path}: no document with a manifest (NAME.toml beside NAME.md) in this folder")
    return found
