"""One page for each diagnostic code: what it says, why that is bad, a wrong example and the right one.

The pages are Markdown documents beside this file, ``SR305.md`` and so on, of one layout: ``# CODE: title``,
``Slip: class, class``, and the sections What, Why, Wrong and Right. A test checks their examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from symrnn.diagnostic import UsageError

SLIPS = (
    "sign", "index", "symbol", "order", "transpose", "shape", "time step", "dropped factor",
    "notation", "unfinished", "tool",
)  # fmt: skip
"""The classes of slips, in a student's words; *unfinished*: something was not written; *tool*: a limit of symrnn."""


@dataclass(frozen=True, slots=True)
class Page:
    """The explanation of one code; ``text`` is the whole page in Markdown."""

    code: str
    title: str
    slips: tuple[str, ...]
    text: str


@cache
def pages() -> dict[str, Page]:
    """Every page by its code, in the order of the codes."""
    found = (entry for entry in files(__name__).iterdir() if entry.name.endswith(".md"))
    read = (_page(entry.read_text(encoding="utf-8")) for entry in sorted(found, key=lambda entry: entry.name))
    return {page.code: page for page in read}


def page(code: str) -> Page:
    """The page of a code, which may be written ``SR305``, ``sr305`` or ``305``.

    Raises UsageError, with the codes that look alike, when there is no such code.
    """
    wanted = code.strip().upper()
    wanted = f"SR{wanted}" if wanted.isdigit() else wanted
    found = pages().get(wanted)
    if found is not None:
        return found
    near = get_close_matches(wanted, pages(), n=3, cutoff=0.65)
    hint = f"did you mean {' or '.join(sorted(near))}?" if near else "'symrnn explain' lists them"
    raise UsageError(f"there is no code '{code}'; {hint}")


def _page(text: str) -> Page:
    first, _, second, *_ = text.splitlines()
    code, _, title = first.removeprefix("# ").partition(": ")
    return Page(code, title, tuple(second.removeprefix("Slip: ").split(", ")), text)
