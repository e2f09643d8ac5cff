"""The tables of notation: what each command is, never what it does to a value.

New notation is a row here; a construct with a new meaning is also one case in ``symrnn.elaborate``.
"""

from __future__ import annotations

from typing import Final

# Commands by the number of arguments they take.
STYLES: Final = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "pmb": "bold", "bold": "bold", "mathbit": "bold",
    "mathcal": "cal", "mathscr": "cal", "mathbb": "bb", "mathds": "bb", "mathfrak": "frak",
    "mathrm": "rm", "mathsf": "rm", "mathtt": "rm", "mathit": "", "mathnormal": "",
}  # fmt: skip
STYLE_SWITCHES: Final = {"rm": "rm", "bf": "bold", "cal": "cal", "it": "", "sf": "rm", "tt": "rm"}
STYLE_PRINT: Final = {"bold": "mathbf", "cal": "mathcal", "bb": "mathbb", "frak": "mathfrak", "rm": "mathrm"}
ACCENTS: Final = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "overline": "bar",
    "vec": "vec", "dot": "dot", "ddot": "ddot", "check": "check", "breve": "breve", "mathring": "mathring",
    "underline": "underline", "overrightarrow": "vec",
}  # fmt: skip
BRACES: Final = frozenset({"underbrace", "overbrace"})
TRANSPARENT: Final = frozenset({"boxed", "fbox", "mathop", "mathrel", "mathbin", "mathord", "ensuremath", "cancel"})
FRACTIONS: Final = frozenset({"frac", "dfrac", "tfrac", "cfrac"})
DECORATIONS: Final = frozenset({"stackrel", "overset", "underset"})
ONE: Final = frozenset(STYLES) | frozenset(ACCENTS) | BRACES | TRANSPARENT | {"sqrt", "xrightarrow", "xleftarrow"}
TWO: Final = FRACTIONS | DECORATIONS | {"binom"}

# Relations: a chain's links. Those that introduce a name rather than compare.
RELATIONS: Final = frozenset({
    "=", "<", ">", "\\neq", "\\ne", "\\le", "\\leq", "\\ge", "\\geq", "\\ll", "\\gg", "\\equiv", "\\approx",
    "\\simeq", "\\sim", "\\propto", "\\in", "\\notin", "\\subset", "\\subseteq", "\\triangleq", "\\coloneqq", ":=",
    "\\colonequals", "\\doteq", "\\leftarrow", "\\gets", "\\rightarrow", "\\to", "\\mapsto", "\\longrightarrow",
    "\\cong", "\\longmapsto",
})  # fmt: skip
ASSIGNMENTS: Final = frozenset({":=", "\\triangleq", "\\coloneqq", "\\colonequals", "\\doteq"})  # arrows are updates
EQUALITIES: Final = frozenset({"=", "\\equiv"}) | ASSIGNMENTS
IMPLICATIONS: Final = frozenset(
    {"\\Rightarrow", "\\implies", "\\Leftrightarrow", "\\iff", "\\Longrightarrow", "\\therefore"}
)

QUANTIFIERS: Final = frozenset({"\\forall", "\\exists", "\\nexists"})  # begin a statement of their own

# Binary operators with their binding strength; juxtaposition binds as PRODUCT.
SUM, HADAMARD, PRODUCT = 1, 2, 3
BINARY: Final = {
    "+": SUM, "-": SUM, "\\pm": SUM, "\\mp": SUM, "\\setminus": SUM, "\u2212": SUM,
    "\\odot": HADAMARD, "\\circ": HADAMARD, "\\otimes": HADAMARD, "\\oplus": SUM, "\\ast": HADAMARD,
    "*": HADAMARD, ".*": HADAMARD, "\\star": HADAMARD, "\\oslash": HADAMARD,
    "\\cdot": PRODUCT, "\\times": PRODUCT, "/": PRODUCT, "\\div": PRODUCT, "\\bullet": PRODUCT,
}  # fmt: skip
SIGNS: Final = frozenset({"+", "-", "\\pm", "\\mp"})

# Named functions: take the factors that follow as their argument.
FUNCTIONS: Final = frozenset({
    "tanh", "sinh", "cosh", "sin", "cos", "tan", "exp", "ln", "log", "det", "arctan", "arcsin", "arccos", "coth",
    "Pr", "dim", "ker", "deg", "sgn", "sech",
})  # fmt: skip
LIMIT_FUNCTIONS: Final = frozenset({"max", "min", "sup", "inf", "lim", "argmax", "argmin"})
# Words that authors type in \text{…}, \operatorname{…} or as plain italic letters, by canonical name.
WORDS: Final = {
    "softmax": "softmax", "Softmax": "softmax", "diag": "diag", "Diag": "diag", "exp": "exp", "log": "log", "ln": "ln",
    "tanh": "tanh", "sigmoid": "sigmoid", "sigm": "sigmoid", "relu": "relu", "ReLU": "relu", "Tr": "tr", "tr": "tr",
    "trace": "tr", "Trace": "tr", "det": "det", "vec": "vec", "sign": "sign", "sgn": "sign", "argmax": "argmax",
    "argmin": "argmin", "max": "max", "min": "min", "sin": "sin", "cos": "cos", "prod": "prod", "softplus": "softplus",
}  # fmt: skip
CONNECTIVES: Final = frozenset({
    "and", "or", "for", "where", "if", "with", "thus", "so", "then", "when", "all", "that", "otherwise", "else", "as",
    "such", "hence", "since", "because", "therefore", "let", "is", "are", "by", "i.e.", "note", "of", "the", "iff",
    "s.t.", "e.g.", "each", "any", "every", "from", "to", "in", "a", "an",
})  # fmt: skip
BIG: Final = frozenset({"\\sum", "\\prod", "\\int", "\\bigcup", "\\bigoplus"})

OPENING: Final = {"(": ")", "[": "]", "\\{": "\\}", "\\lbrace": "\\rbrace", "\\langle": "\\rangle",
                  "\\lvert": "\\rvert", "\\lVert": "\\rVert", "\\lfloor": "\\rfloor", "\\lceil": "\\rceil",
                  "\\lbrack": "\\rbrack"}  # fmt: skip
CLOSING: Final = frozenset(OPENING.values())
BARS: Final = {"|": "|", "\\vert": "|", "\\Vert": "\\|", "\\|": "\\|"}
CANONICAL_FENCE: Final = {
    "\\lbrace": "\\{", "\\rbrace": "\\}", "\\lvert": "|", "\\rvert": "|", "\\vert": "|", "\\lVert": "\\|",
    "\\rVert": "\\|", "\\Vert": "\\|", "\\lbrack": "[", "\\rbrack": "]",
}  # fmt: skip
CONDITIONAL_BARS: Final = frozenset({"|", "\\mid", "\\vert"})
DOTS: Final = frozenset(
    {"\\dots", "\\ldots", "\\cdots", "\\vdots", "\\ddots", "\\dotsc", "\\dotsb", "...", "..", "\u2026"}
)
MATRICES: Final = frozenset(
    {"pmatrix", "bmatrix", "matrix", "vmatrix", "Vmatrix", "Bmatrix", "smallmatrix", "array", "cases"}
)
ALIGNMENTS: Final = frozenset({
    "aligned", "align", "align*", "split", "gather", "gather*", "gathered", "eqnarray", "eqnarray*", "multline",
    "multline*", "equation", "equation*", "alignat", "alignat*", "alignedat", "flalign", "flalign*", "displaymath",
})  # fmt: skip
GREEK: Final = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "varpi",
        "rho",
        "varrho",
        "sigma",
        "varsigma",
        "tau",
        "upsilon",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
    ]
)
# Greek letters typed as such.
TYPED: Final = {
    "α": "\\alpha", "β": "\\beta", "γ": "\\gamma", "δ": "\\delta", "ε": "\\epsilon", "ϵ": "\\epsilon", "ζ": "\\zeta",
    "η": "\\eta", "θ": "\\theta", "ϑ": "\\vartheta", "ι": "\\iota", "κ": "\\kappa", "λ": "\\lambda", "μ": "\\mu",
    "ν": "\\nu", "ξ": "\\xi", "π": "\\pi", "ϖ": "\\varpi", "ρ": "\\rho", "ϱ": "\\varrho", "σ": "\\sigma",
    "ς": "\\varsigma", "τ": "\\tau", "υ": "\\upsilon", "φ": "\\phi", "ϕ": "\\phi", "χ": "\\chi", "ψ": "\\psi",
    "ω": "\\omega", "Γ": "\\Gamma", "Δ": "\\Delta", "Θ": "\\Theta", "Λ": "\\Lambda", "Ξ": "\\Xi", "Υ": "\\Upsilon",
    "Φ": "\\Phi", "Ψ": "\\Psi", "Ω": "\\Omega",
}  # fmt: skip
# Commands that stand for themselves as a name.
SYMBOLS: Final = GREEK | frozenset(
    [
        "partial",
        "nabla",
        "ell",
        "infty",
        "hbar",
        "top",
        "bot",
        "intercal",
        "dagger",
        "prime",
        "forall",
        "exists",
        "emptyset",
        "imath",
        "jmath",
        "Re",
        "Im",
        "aleph",
        "wp",
        "star",
        "ast",
        "complement",
        "square",
        "blacksquare",
        "checkmark",
        "perp",
        "colon",
        "lim",
        "dag",
    ]
)
TRANSPOSES: Final = frozenset({"T", "\\top", "\\intercal", "\\mathsf{T}", "t", "\\mathrm{T}", "'"})
