"""A document as blocks of mathematics: knows where formulas stand, nothing of what they mean."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from symrnn.diagnostic import UsageError
from symrnn.span import Source, Span


@dataclass(frozen=True)
class Formula:
    """The LaTeX between two delimiters.

    ``latex[k]`` stands at ``offsets[k]`` of the source; ``offsets`` has one more entry than
    ``latex`` has characters (the place just after the last). Macro expansion and the removal of
    equation numbers change ``latex``, never the truth of ``offsets``.
    """

    latex: str
    offsets: tuple[int, ...] = field(repr=False)
    span: Span  # of the whole formula with its delimiters
    display: bool
    number: str | None = None  # as printed, "17" of \quad (17) or \tag{17}
    glued: bool = False  # a display with only white space between it and the display before


@dataclass(frozen=True)
class Document:
    """The source and its formulas, in order."""

    source: Source
    formulas: tuple[Formula, ...]
    macros: dict[str, tuple[int, str]] = field(default_factory=dict)  # name → (arguments, body)


def read_text(text: str, path: str = "<text>", suffix: str = ".md") -> Document:
    """Read a document from its text; the suffix picks the format."""
    from symrnn.read import markdown, tex

    readers = {".md": markdown.read, ".markdown": markdown.read, ".txt": markdown.read, ".tex": tex.read}
    reader = readers.get(suffix)
    if reader is None:
        known = ", ".join(sorted(readers))
        raise UsageError(f"{path}: no reader for '{suffix}' files (known: {known})")
    return reader(Source(path, text))


def read_path(path: Path) -> Document:
    """Read a document from a file.

    Raises UsageError when the file is missing, is no text in UTF-8, or has an unknown suffix.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    return read_text(text, str(path), path.suffix.lower())
