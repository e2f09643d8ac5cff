"""Pieces that the note prints more than once, as printed."""

from __future__ import annotations

from .fact import PER_STEP, Book
from .forward import MP, Mat, S, col, diagonal, total

exp, ln, tanh = MP.exp, MP.ln, MP.tanh
T = {"over": ("t",)}
V_T = "11 21 31 / 12 22 32 / 13 23 33 / 14 24 34 / 15 25 35"  # (32), (44), (58), (79)


def loss_in_h(w, t):
    """-c_1 - sum v_1i h_i + ln(sum_k exp(c_k + sum_l v_kl h_l)), as in (24), (36), (46), (65)."""
    h = w.h(t)
    return (
        -w.c[1] - S(lambda i: w.V[1, i] * h[i], 5) + ln(S(lambda k: exp(w.c[k] + S(lambda m: w.V[k, m] * h[m], 5)), 3))
    )


def loss_in_tanh(w, t, shorthand1, shorthand2):
    """The two tanh terms of (37), (51), (52), (75); each shorthand gives what is added to b."""
    return (
        -w.c[1]
        - S(lambda i: w.V[1, i] * tanh(w.b[i] + shorthand1(i)), 5)
        + ln(
            S(
                lambda k: exp(w.c[k] + S(lambda m: w.V[k, m] * tanh(w.b[m] + shorthand2(m)), 5)),
                3,
            )
        )
    )


def wh(w, t, i):
    """sum_{alpha=1}^5 w_{i alpha} h_alpha^(t-1)"""
    return S(lambda al: w.W[i, al] * w.h(t - 1)[al], 5)


def diag_h(w) -> Mat:
    """The printed diagonal matrix of (44), (58), (79)."""
    h = w.h(w.tau)
    return diagonal(1 - h[1] ** 2, 1 - h[2] ** 2, 1 - h[3] ** 2, 1 - h[4] ** 2, 1 - h[5] ** 2)


def y_less_one(w, t: int) -> Mat:
    """The printed column (yh_1 - 1, yh_2, yh_3)."""
    y = w.yh(t)
    return col(y[1] - 1, y[2], y[3])


def gh(w, t):
    """grad_{h^(t)} L"""
    return w.gnode(total, "h", t)


def go(w, t):
    """grad_{o^(t)} L"""
    return w.gnode(total, "o", t)


def grad_c(book: Book, number: str) -> None:
    """(50) and (84), printed alike."""
    book.chain(
        "grad_c L",
        lambda w, c: w.gpar(total, "c"),
        (
            number,
            "sum_t (do^(t)/dc)^T grad_{o^(t)} L",
            lambda w, c: S(lambda t: w.jac("o", t, "c", c.copy(t)).T @ go(w, t), w.tau),
            {"readings": (PER_STEP,)},
        ),
        (number, "sum_t grad_{o^(t)} L", lambda w, c: S(lambda t: go(w, t), w.tau)),
    )
