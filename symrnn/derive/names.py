r"""How a document spells its quantities: ``\mathbf{h}^{(t-1)}``, ``h_{t-1}``, ``w_{ij}``, ``(W_{xh})_{ij}``.

Every spelling is read back by the document's own names before it is used: what is printed is that quantity.
"""

from __future__ import annotations

from symrnn.checker import Checker
from symrnn.diagnostic import Problem
from symrnn.elaborate.expression import Elaborator
from symrnn.expr import Entry, Expr, Index, Ref, Symbol
from symrnn.general.form import Abstain
from symrnn.latex import notation as n
from symrnn.latex.parser import parse_expression

_COMMANDS = {
    "tanh": "\\tanh", "exp": "\\exp", "ln": "\\ln", "sin": "\\sin", "cos": "\\cos", "sinh": "\\sinh",
    "cosh": "\\cosh", "arctan": "\\arctan", "relu": "\\operatorname{ReLU}", "sigmoid": "\\operatorname{sigmoid}",
}  # fmt: skip


class Spelling:
    """The names of one document in LaTeX."""

    def __init__(self, checker: Checker) -> None:
        self.context = checker.context
        self.words = frozenset(checker.manifest.words)
        text = "\n".join(f.latex for f in checker.document.formulas)
        self.last = checker.manifest.steps.last
        self.diag, self.softmax = (
            f"\\text{{{w}}}" if f"\\text{{{w}}}" in text else f"\\operatorname{{{w}}}" for w in ("diag", "softmax")
        )
        if "\\top" in text or self.last == "T":
            self.transpose = "\\top"
        else:
            self.transpose = "T"
        self.log = "\\log" if "\\log" in text and "\\ln" not in text else "\\ln"
        self.known: dict[tuple[str, ...], bool] = {}

    # -- functions --------------------------------------------------------------------------------

    def function(self, name: str) -> str:
        """The name of a function."""
        for letter, meaning in self.context.manifest.functions.items():
            if meaning == name:
                return letter
        if name == "sigmoid" and self.context.function("\\sigma") == "sigmoid":
            return "\\sigma"
        if name == "ln":
            return self.log
        return _COMMANDS.get(name, f"\\operatorname{{{name}}}")

    def delta(self, one: str, two: str) -> str:
        """1 where two indices agree."""
        if one.isdigit() or two.isdigit() or any(True for _ in self.context.names.family("\\delta")):
            return f"\\mathbf{{1}}_{{{one}={two}}}"
        comma = "," if len(one) > 1 or len(two) > 1 else ""
        return f"\\delta_{{{one}{comma}{two}}}"

    # -- quantities -------------------------------------------------------------------------------

    def whole(self, e: Ref) -> str:
        """A quantity, at its step; a copy of a parameter with the step above it."""
        text = self._name(e.symbol, e.symbol.style)
        return self._stepped(text, e)

    def bare(self, symbol: Symbol) -> str:
        """The name without a step."""
        return self._name(symbol, symbol.style)

    def entry(self, e: Entry) -> str:
        """A component: the plain small letter with indices if that is read as the same thing."""
        if not isinstance(e.body, Ref):
            raise Abstain("a component of an expression")
        ref = e.body
        indices = [_show(i) for i, d in zip((e.row, e.col), ref.symbol.shape, strict=True) if d != 1]
        for text in self._entries(ref, indices):
            if self._reads(text, e):
                return text
        raise Abstain(f"no spelling of a component of {ref.symbol.name}")

    def _entries(self, ref: Ref, indices: list[str]) -> list[str]:
        symbol = ref.symbol
        subs = _listed(indices)
        out = []
        below, hat, _ = symbol.label.partition("^")
        if not below and not hat:
            small = symbol.key[:-1] + symbol.key[-1].lower() if len(symbol.key) == 1 else symbol.key
            for key, style in ((small, ""), (symbol.key, ""), (symbol.key, symbol.style)):
                if symbol.style == "" and key != symbol.key:
                    continue
                base = _styled(key, style)
                if symbol.timed == "sub":
                    out.append(f"{base}_{{{_show(_time(ref))},{','.join(indices)}}}")
                else:
                    spelled = dict.fromkeys((subs, ",".join(indices)))  # W_{l,n} where W_{ln} would be read as ln
                    out += [self._stepped(f"{base}_{_braced(x)}", ref) for x in spelled]
        elif symbol.timed == "sub":
            out.append(f"{_styled(symbol.key, symbol.style)}_{{{below},{_show(_time(ref))},{','.join(indices)}}}")
        out += [f"({self.whole(ref)})_{_braced(below)}" for below in (subs, ",".join(indices))]
        return list(dict.fromkeys(out))

    def raised(self, e: Expr, sup: str) -> str | None:
        """A name with a power or transpose above it, where no bracket is needed for that."""
        ref = e.body if isinstance(e, Entry) else e
        if not isinstance(ref, Ref):
            return None
        text = self.entry(e) if isinstance(e, Entry) else self.whole(ref)
        if "^" in text:
            return f"({text})^{_braced(sup)}"
        return f"{text}^{_braced(sup)}"

    def _stepped(self, text: str, ref: Ref) -> str:
        if ref.symbol.timed == "sub":
            time = _show(_time(ref))
            below = ref.symbol.label.partition("^")[0]
            return _with_sub(text, f"{below},{time}" if below else time)
        if ref.symbol.timed == "sup":
            return f"{text}^{{({_show(_time(ref))})}}"
        if ref.copy is not None:
            return f"{text}^{{({_show(ref.copy)})}}"
        return text

    def _name(self, symbol: Symbol, style: str) -> str:
        """A name with its label; the step of names that carry it below is added later."""
        below, _, above = symbol.label.partition("^")
        text = _styled(symbol.key, style)
        if below and symbol.timed != "sub":
            text += f"_{_braced(_label(below))}"
        if above:
            text += f"^{_braced(above)}"
        return text

    def _reads(self, text: str, e: Entry) -> bool:
        assert isinstance(e.body, Ref)
        key = (text, e.body.symbol.name, str(e.row), str(e.col), str(e.body.time))
        found = self.known.get(key)
        if found is None:
            try:
                found = Elaborator(self.context).expr(parse_expression(text, self.words)) == e
            except Problem:
                found = False
            self.known[key] = found
        return found


def _time(ref: Ref) -> Index:
    if ref.time is None:
        raise Abstain(f"{ref.symbol.name} without its step")
    return ref.time


def _show(index: Index) -> str:
    if index.letter is None:
        return str(index.offset)
    return index.letter + (f"{index.offset:+d}" if index.offset else "")


def _listed(indices: list[str]) -> str:
    """Indices side by side, with commas where they would run together."""
    return ("," if any(len(i) > 1 for i in indices) else "").join(indices)


def _braced(text: str) -> str:
    return text if len(text) == 1 else f"{{{text}}}"


def _label(text: str) -> str:
    """A label below a name; words upright."""
    parts = text.split(",")
    if all(len(p) == 1 for p in parts):
        return "".join(parts)
    return ",".join(p if len(p) == 1 or p.startswith("\\") or not p.isalpha() else f"\\text{{{p}}}" for p in parts)


def _with_sub(text: str, sub: str) -> str:
    base, caret, above = text.partition("^")
    return f"{base}_{_braced(sub)}{caret}{above}"


def _styled(key: str, style: str) -> str:
    """A letter with its accents in a style."""
    *accents, letter = key.split(" ") if " " in key else [key]
    primes = len(letter) - len(letter.rstrip("'"))
    text = letter.rstrip("'")
    if style:
        command = "boldsymbol" if style == "bold" and text.startswith("\\") else n.STYLE_PRINT[style]
        text = f"\\{command}{{{text}}}"
    for accent in reversed(accents):
        text = f"\\{accent}{{{text}}}"
    return text + "'" * primes
