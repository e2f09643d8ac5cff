"""A derivation as Markdown or as a complete LaTeX document, and the manifest beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from symrnn.derive.blocks import Block, Display, Heading, Text, width
from symrnn.derive.gradients import Gradients
from symrnn.derive.notes import Notes
from symrnn.derive.worked import CLASS
from symrnn.expr import Ref

_NOTE = "Everything below was written by `symrnn derive` from the equations above; `symrnn check` proves it."
_STEP = "Here $\\operatorname{step}(x)$ is the slope of the rectifier: 1 for $x > 0$, 0 for $x < 0$."

_SIZES = ((112, "\\tiny"), (93, "\\scriptsize"), (81, "\\footnotesize"), (72, "\\small"))  # for rows wider than that

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath, amssymb}
\usepackage[margin=2.4cm]{geometry}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\jot}{6pt}
\AtBeginDocument{\setlength{\abovedisplayshortskip}{\abovedisplayskip}}
"""


@dataclass(frozen=True)
class Derivation:
    """A derivation and what its manifest must say: in which displays the active class is put in."""

    notes: Notes
    blocks: tuple[Block, ...]

    @property
    def assumed(self) -> tuple[int, ...]:
        """The numbers of those displays."""
        return tuple(b.number for b in self.blocks if isinstance(b, Display) and b.assumed)


def derivation(gradients: Gradients, full: bool = True) -> Derivation:
    """All blocks; ``full``: with components worked out and matrices written out."""
    notes = Notes(gradients, full)
    return Derivation(notes, tuple(notes.blocks()))


def markdown(found: Derivation) -> str:
    """The document's own text, and the derivation after it."""
    notes, blocks = found.notes, found.blocks
    gradients = notes.gradients
    head = gradients.checker.document.source.text.rstrip()
    parts = [head, _NOTE, *_remarks(notes, blocks)]
    parts += [_markdown(notes, b) for b in blocks]
    return "\n\n".join(parts) + "\n"


def _remarks(notes: Notes, blocks: tuple[Block, ...]) -> Iterator[str]:
    """What is assumed, and functions that a reader may not know."""
    assumed = notes.gradients.chain.assumed
    why = [a.why or a.name for a in notes.gradients.checker.manifest.assume if a.name in assumed]
    if why:
        yield f"It is assumed that {' and that '.join(why)}."
    if notes.uses("step", blocks):
        yield _STEP
    if any(isinstance(b, Display) and b.assumed for b in blocks) and notes.detail is not None:
        yield notes.detail.announcement()


def _markdown(notes: Notes, block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {text}"
        case Text(text):
            return text
        case Display(number=number):
            return f"$$\n{notes.latex(block)} \\tag{{{number}}}\n$$"


def tex(found: Derivation) -> str:
    """A complete LaTeX document."""
    notes, blocks = found.notes, found.blocks
    gradients = notes.gradients
    source = gradients.checker.document.source
    title = gradients.checker.manifest.title or Path(source.path).stem
    if source.path.endswith(".tex"):
        body = re.sub(r"(?s)^.*\\begin\{document\}|\\end\{document\}.*$", "", source.text).strip()
        front = re.search(r"(?s)^(.*)\\begin\{document\}", source.text)
        start = front[1] if front else _PREAMBLE
    else:
        start, body = (
            _PREAMBLE + f"\\title{{{title}}}\n\\date{{}}\n",
            "\\maketitle\n\n" + "\n\n".join(_from_markdown(source.text)),
        )
    parts = [body, *_remarks(notes, blocks), *(_tex(notes, b) for b in blocks)]
    text = re.sub(r"\n\n+(?=\{\\\w+\\setlength|\\\[)", "\n", "\n\n".join(parts))  # no page ends before a display
    return f"{start}\\begin{{document}}\n\n{text}\n\n\\end{{document}}\n"


def _tex(notes: Notes, block: Block) -> str:
    match block:
        case Heading(text):
            return f"\\section*{{{text}}}"
        case Text(text):
            return text
        case Display(number=number):
            text = notes.latex(block)
            wide = width(text)
            size = next((name for most, name in _SIZES if wide > most), "")
            shown = f"\\[\n{text} \\tag{{{number}}}\n\\]"
            return f"{{{size}\\setlength{{\\arraycolsep}}{{2pt}}\n{shown}\n}}" if size else shown


def _from_markdown(text: str) -> Iterator[str]:
    """Headings, paragraphs and displays of Markdown in LaTeX; the title is set apart."""
    for block in re.split(r"\n\s*\n", text.strip()):
        if found := re.fullmatch(r"(#+)\s+(.*)", block.strip()):
            if len(found[1]) > 1:
                yield f"\\section*{{{found[2]}}}"
        else:
            block = re.sub(r"\$\$(.*?)\$\$", lambda m: f"\\[{m[1]}\\]", block, flags=re.DOTALL)
            block = re.sub(r"\\quad\s*\((\w+)\)(?=\s*\\\])", r"\\tag{\1}", block)
            yield re.sub(r"`([^`]*)`", r"\\texttt{\1}", block)


def manifest(found: Derivation, text: str) -> str:
    """The manifest of the derivation: that of the document it starts from, its assumptions for all lines."""
    gradients = found.notes.gradients
    head, *rest = re.split(r"(?m)^(?=\[)", text)
    tables = [re.sub(r"(?m)^lines\s*=.*\n", "", t) if _assumes(gradients, t) else t for t in rest]
    first = "# The forward equations define; every other line is a claim that symrnn check proves.\n"
    return first + head + "".join(tables) + "".join(_classes(found))


def _classes(found: Derivation) -> Iterator[str]:
    """The active class, for the lines in which it is put in."""
    detail = found.notes.detail
    if detail is None or not found.assumed:
        return
    for k, symbol in enumerate(detail.worked.targets):
        name = detail.tex(Ref(symbol.shape, symbol, detail.now if symbol.timed else None))
        entries = ", ".join("1" if n == CLASS else "0" for n in range(1, detail.g.number(symbol.shape[0]) + 1))
        yield (
            f"\n[[assume]]\nname = \"active-class{f'-{k + 1}' if k else ''}\"\nlet = '{name} = ({entries})^T'\n"
            f'lines = "{ranges(found.assumed)}"\nwhy = "without loss of generality class {CLASS} is the active one"\n'
        )


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as «3-5, 8»."""
    out: list[list[int]] = []
    for n in sorted(numbers):
        if out and out[-1][-1] == n - 1:
            out[-1] = [out[-1][0], n]
        else:
            out.append([n])
    return ", ".join("-".join(map(str, x)) for x in out)


def _assumes(gradients: Gradients, table: str) -> bool:
    found = re.search(r"(?m)^name\s*=\s*[\"'](.*)[\"']\s*$", table)
    return table.startswith("[[assume]]") and found is not None and found[1] in gradients.chain.assumed


__all__ = ["Derivation", "derivation", "manifest", "markdown", "tex"]
