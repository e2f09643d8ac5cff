"""The manifest: what a document's prose says and its formulas do not, in TOML beside the document."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from symrnn.diagnostic import UsageError


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Time: the letter of a generic step, the first step, the letter of the last, the lengths to check."""

    index: str = "t"
    first: int = 1
    last: str = "\\tau"
    check: tuple[int, ...] = (1, 2, 3)


class Assumption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An equation that the prose lets hold on a range of lines: its left side is replaced by its right."""

    name: str
    let: str
    lines: str = ""
    why: str = ""


class Shorthand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``write`` stands for ``means``; letters of steps and indices in ``write`` match any index."""

    write: str
    means: str
    lines: str = ""
    name: str = ""
    exact: bool = False  # letters of steps and indices stand for themselves


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the prose says of a range of lines alone: names with their shapes, definitions, unknown functions,
    shorthands.
    """

    lines: str
    declare: tuple[str, ...] = ()
    let: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    smooth: tuple[str, ...] = ()
    shorthand: tuple[Shorthand, ...] = ()


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest of one document; every entry is optional."""

    document: str = ""
    title: str = ""
    define: tuple[str, ...] = ()
    declare: tuple[str, ...] = ()
    let: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    smooth: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    section: tuple[Section, ...] = ()
    onehot: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    layout: str = "numerator"
    gradient: str = "column"
    einstein: bool | str = False
    norm: str = ""
    broadcast: bool = False
    dot: str = "inner"
    steps: Steps = Steps()
    sizes: dict[str, int] = {}
    assume: tuple[Assumption, ...] = ()
    shorthand: tuple[Shorthand, ...] = ()
    left: dict[str, str] = {}
    functions: dict[str, str] = {}
    nabla: str = ""
    adjoint: dict[str, str] = {}

    def defines(self, number: str) -> bool:
        """Whether the manifest says that this line defines."""
        return any(covers(part, number) for part in self.define)

    def sums(self, number: str) -> bool:
        """Whether a line leaves out the Σ over indices that stand twice in a product."""
        return self.einstein if isinstance(self.einstein, bool) else covers(self.einstein, number)

    @property
    def has_unknown(self) -> bool:
        """Whether some function is not given."""
        return bool(self.unknown) or any(section.unknown for section in self.section)

    def within(self, number: str) -> int:
        """The section in which a line stands, counted from 1; 0 for none.

        Raises UsageError where two sections claim it.
        """
        found = [k for k, section in enumerate(self.section, 1) if covers(section.lines, number)]
        if len(found) > 1:
            raise UsageError(f"manifest: line ({number}) stands in {len(found)} sections")
        return found[0] if found else 0


def covers(lines: str, number: str) -> bool:
    """Whether a number lies in "1-4, 11, e13"; an empty selection covers everything."""
    if not lines.strip():
        return True
    for part in lines.split(","):
        low, dash, high = (p.strip() for p in part.strip().partition("-"))
        if low == number:
            return True
        if dash and (a := _order(low)) and (b := _order(high)) and (c := _order(number)):
            if a[0] == b[0] == c[0] and a[1] <= c[1] <= b[1]:
                return True
    return False


def first_line(lines: str) -> str:
    """The first number that a selection names; "" where it names none."""
    return lines.split(",")[0].partition("-")[0].strip()


def _order(number: str) -> tuple[str, int] | None:
    found = re.fullmatch(r"(.*?)(\d+)", number)
    return (found[1], int(found[2])) if found else None


def load(path: Path) -> Manifest:
    """Read a manifest.

    Raises UsageError with the file, the place and the entry that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    return loads(text, str(path))


def loads(text: str, path: str = "<manifest>") -> Manifest:
    """Read a manifest from its text."""
    try:
        manifest = msgspec.toml.decode(text, type=Manifest)
    except msgspec.ValidationError as error:
        message = str(error)
        raise UsageError(f"{path}:{_line(text, message)}: {message}") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{path}: {error}") from error
    return _validated(manifest, path)


def _line(text: str, message: str) -> str:
    """The line of the entry that a validation message names."""
    names = re.findall(r"`\$?\.?([\w.]+)[`\[]", message) + re.findall(r"field `(\w+)`", message)
    for name in reversed([part for n in names for part in n.split(".")]):
        for k, line in enumerate(text.splitlines(), 1):
            if re.match(rf"\s*\[*\s*{re.escape(name)}\b", line) or re.search(rf"\b{re.escape(name)}\s*=", line):
                return str(k)
    return "1"


def _validated(manifest: Manifest, path: str) -> Manifest:
    if manifest.layout not in ("numerator", "denominator"):
        raise UsageError(f'{path}: layout is "numerator" or "denominator", not "{manifest.layout}"')
    if manifest.gradient not in ("column", "row"):
        raise UsageError(f'{path}: gradient is "column" or "row", not "{manifest.gradient}"')
    if manifest.norm not in ("", "frobenius"):
        raise UsageError(f'{path}: norm is "frobenius" (of matrices) or left out, not "{manifest.norm}"')
    if manifest.dot not in ("inner", "elementwise"):
        raise UsageError(f'{path}: dot is "inner" or "elementwise", not "{manifest.dot}"')
    if any(not section.lines.strip() for section in manifest.section):
        raise UsageError(f"{path}: a section names the lines that it is about")
    for name, size in manifest.sizes.items():
        if size < 1:
            raise UsageError(f"{path}: the size {name} = {size} is not positive")
    if not manifest.steps.check or min(manifest.steps.check) < 1:
        raise UsageError(f"{path}: steps.check lists lengths of 1 and more")
    names = [a.name for a in manifest.assume]
    if len(set(names)) != len(names):
        raise UsageError(f"{path}: two assumptions have the same name")
    return manifest
