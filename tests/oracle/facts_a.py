"""Equations (1) to (33), transcribed by hand as printed, mistakes kept."""

from __future__ import annotations

from .fact import T_AS_TAU, Book
from .forward import MP, Mat, S, col, grid, row, total
from .printed import V_T, T, loss_in_h

exp, ln, tanh = MP.exp, MP.ln, MP.tanh


def fill(book: Book) -> None:
    forward(book)
    losses(book)
    output_gradient(book)
    last_step(book)


def forward(book: Book) -> None:
    t_ = {"over": ("t",), "y": "positive"}
    book.define(
        "1",
        "a^(t) = b + W h^(t-1) + U x^(t)",
        lambda w, c: w.a(c.t),
        lambda w, c: w.b + w.W @ w.h(c.t - 1) + w.U @ w.x(c.t),
        **t_,
    )
    book.define(
        "2",
        "h^(t) = tanh(a^(t))",
        lambda w, c: w.h(c.t),
        lambda w, c: w.a(c.t).map(tanh),
        **t_,
    )
    book.define(
        "3",
        "o^(t) = c + V h^(t)",
        lambda w, c: w.o(c.t),
        lambda w, c: w.c + w.V @ w.h(c.t),
        **t_,
    )
    book.define(
        "4",
        "yh^(t) = softmax(o^(t))",
        lambda w, c: w.yh(c.t),
        lambda w, c: w.o(c.t).map(exp) * (1 / S(lambda i: exp(w.o(c.t)[i]), 3)),
        **t_,
    )

    def a5(w, c):
        h, x = w.h(c.t - 1), w.x(c.t)
        W = grid(
            w.W,
            "11 12 13 14 15 / 21 22 23 24 25 / 31 32 33 34 35 / 41 42 43 44 45 / 51 52 53 54 55",
        )
        U = grid(w.U, "11 12 13 14 / 21 22 23 24 / 31 32 33 34 / 41 42 43 44 / 51 52 53 54")
        bias = col(w.b[1], w.b[2], w.b[3], w.b[4], w.b[5])
        return bias + W @ col(h[1], h[2], h[3], h[4], h[5]) + U @ col(x[1], x[2], x[3], x[4])

    def five(v: Mat) -> Mat:
        return col(v[1], v[2], v[3], v[4], v[5])

    book.chain("(a_1..a_5)", lambda w, c: five(w.a(c.t)), ("5", "b + W h + U x", a5), **t_)

    for n in range(1, 6):  # the five rows are printed alike: row n has b_n, w_ni, u_nj
        book.chain(
            f"a_{n}",
            lambda w, c, n=n: w.a(c.t)[n],
            (
                "6",
                f"b_{n} + sum_i w_{n}i h_i^(t-1) + sum_j u_{n}j x_j^(t)",
                lambda w, c, n=n: (
                    w.b[n] + S(lambda i: w.W[n, i] * w.h(c.t - 1)[i], 5) + S(lambda j: w.U[n, j] * w.x(c.t)[j], 4)
                ),
            ),
            **t_,
        )

    def o7(w, c):
        a = w.a(c.t)
        V = grid(w.V, "11 12 13 14 15 / 21 22 23 24 25 / 31 32 33 34 35")
        return col(w.c[1], w.c[2], w.c[3]) + V @ col(tanh(a[1]), tanh(a[2]), tanh(a[3]), tanh(a[4]), tanh(a[5]))

    def three(v: Mat) -> Mat:
        return col(v[1], v[2], v[3])

    book.chain("(o_1..o_3)", lambda w, c: three(w.o(c.t)), ("7", "c + V tanh(a)", o7), **t_)

    for n in range(1, 4):  # the three rows are printed alike: row n has c_n, v_ni
        book.chain(
            f"o_{n}",
            lambda w, c, n=n: w.o(c.t)[n],
            (
                "8",
                f"c_{n} + sum_i v_{n}i h_i^(t)",
                lambda w, c, n=n: w.c[n] + S(lambda i: w.V[n, i] * w.h(c.t)[i], 5),
            ),
            **t_,
        )

    def y9(w, c):
        o = w.o(c.t)
        return (1 / S(lambda i: exp(o[i]), 3)) * col(exp(o[1]), exp(o[2]), exp(o[3]))

    book.chain("(yh_1..yh_3)", lambda w, c: three(w.yh(c.t)), ("9", "exp(o) / sum", y9), **t_)


def losses(book: Book) -> None:
    book.define("10", "L(x's, y's): names the total loss", None, None)
    # p_model(y | x's so far): by the prose the entry of yh that belongs to the true class.
    book.chain(
        "L",
        lambda w, c: w.L,
        (
            "11",
            "sum_t L^(t)",
            lambda w, c: S(lambda t: w.Lt(t), w.tau),
            {"kind": "definition"},
        ),
        (
            "12",
            "-sum_t log p_model(y^(t) | ...)",
            lambda w, c: -S(lambda t: ln(w.yh(t)[w.classes[t]]), w.tau),
        ),
        y="onehot",
    )

    def e13(w, c):
        return -S(lambda i: w.y(c.t)[i] * ln(w.yh(c.t)[i]), 3)

    def e14(w, c):
        y, yh = w.y(c.t), w.yh(c.t)
        return -(y[1] * ln(yh[1]) + y[2] * ln(yh[2]) + y[3] * ln(yh[3]))

    def e15(w, c):
        y, o = w.y(c.t), w.o(c.t)
        return -(
            y[1] * ln(exp(o[1]) / S(lambda i: exp(o[i]), 3))
            + y[2] * ln(exp(o[2]) / S(lambda i: exp(o[i]), 3))
            + y[3] * ln(exp(o[3]) / S(lambda i: exp(o[i]), 3))
        )

    def e16(w, c):
        y, o = w.y(c.t), w.o(c.t)
        return -(
            y[1] * (o[1] - ln(S(lambda i: exp(o[i]), 3)))
            + y[2] * (o[2] - ln(S(lambda i: exp(o[i]), 3)))
            + y[3] * (o[3] - ln(S(lambda i: exp(o[i]), 3)))
        )

    book.chain(
        "L^(t)",
        lambda w, c: w.Lt(c.t),
        ("13", "-sum_i y_i ln(yh_i)", e13, {"kind": "definition"}),
        ("14", "-(y_1 ln yh_1 + ...)", e14),
        ("15", "-[y_1 ln(exp(o_1)/sum) + ...]", e15),
        ("16", "-[y_1 (o_1 - ln sum) + ...]", e16),
        over=("t",),
        y="positive",
    )

    book.chain(
        "L^(t)",
        lambda w, c: w.Lt(c.t),
        ("17", "-ln(yh_1)", lambda w, c: -ln(w.yh(c.t)[1])),
        (
            "17",
            "o_1 - ln(sum_i exp(o_i))",
            lambda w, c: w.o(c.t)[1] - ln(S(lambda i: exp(w.o(c.t)[i]), 3)),
        ),
        **T,
    )
    book.chain(
        "dL/dL^(t)",
        lambda w, c: w.d(total, ("node", "Lt", c.t, 1)),
        ("18", "1", lambda w, c: MP.mpf(1)),
        **T,
    )


def output_gradient(book: Book) -> None:
    def e19(w, c):
        o = w.o(c.t)
        return -(
            row(
                1 - exp(o[1]) / S(lambda i: exp(o[i]), 3),
                -exp(o[2]) / S(lambda i: exp(o[i]), 3),
                -exp(o[3]) / S(lambda i: exp(o[i]), 3),
            ).T
        )

    def e20(w, c):
        yh = w.yh(c.t)
        return -(row(1 - yh[1], -yh[2], -yh[3]).T)

    def e21(w, c):
        yh = w.yh(c.t)
        return row(yh[1] - 1, yh[2], yh[3]).T

    book.chain(
        "grad_{o^(t)} L",
        lambda w, c: w.gnode(total, "o", c.t),
        ("19", "-((1 - exp(o_1)/sum)  -exp(o_2)/sum  -exp(o_3)/sum)^T", e19),
        ("20", "-((1 - yh_1)  -yh_2  -yh_3)^T", e20),
        ("21", "((yh_1 - 1)  yh_2  yh_3)^T", e21),
        **T,
    )

    book.chain(
        "(grad_{o^(t)} L)_i",
        lambda w, c: w.gnode(total, "o", c.t)[c.i],
        ("22", "dL/do_i", lambda w, c: w.dnode(total, "o", c.t, c.i)),
        (
            "22",
            "dL/dL^(t) L^(t)/do_i",
            None,
            {"meaningless": "L^(t)/do_i^(t): a derivative without its partial sign"},
        ),
        (
            "22",
            "yh_i - 1_{i, y^(t)}",
            lambda w, c: w.yh(c.t)[c.i] - (1 if c.i == w.classes[c.t] else 0),
        ),
        over=("t", "i3"),
        y="onehot",
    )


def last_step(book: Book) -> None:
    book.chain(
        "L^(tau)",
        lambda w, c: w.Lt(w.tau),
        ("23", "-ln(yh_1)", lambda w, c: -ln(w.yh(w.tau)[1])),
        (
            "23",
            "-o_1 + ln(sum_i exp(o_i))",
            lambda w, c: -w.o(w.tau)[1] + ln(S(lambda i: exp(w.o(w.tau)[i]), 3)),
        ),
        (
            "24",
            "-c_1 - sum_i v_1i h_i + ln(sum_k exp(c_k + sum_l v_kl h_l))",
            lambda w, c: loss_in_h(w, w.tau),
        ),
    )

    def e25(w, c):
        h, v = w.h(w.tau), w.V
        top = (
            v[1, 1] * exp(w.c[1] + S(lambda i: v[1, i] * h[i], 5))
            + v[2, 1] * exp(w.c[1] + S(lambda i: v[1, i] * h[i], 5))
            + v[3, 1] * exp(w.c[1] + S(lambda i: v[1, i] * h[i], 5))
        )
        return -v[1, 1] + top / S(lambda k: exp(w.c[k] + S(lambda m: v[k, m] * h[m], 5)), 3)

    def e26(w, c):
        v, y = w.V, w.yh(w.tau)
        return -v[1, 1] + v[1, 1] * y[1] + v[2, 1] * y[2] + v[3, 1] * y[3]

    def e27(w, c):
        v, y = w.V, w.yh(w.tau)
        return v[1, 1] * (y[1] - 1) + v[2, 1] * y[2] + v[3, 1] * y[3]

    book.chain(
        "dL/dh_1^(tau)",
        lambda w, c: w.dnode(total, "h", w.tau, 1),
        (
            "25",
            "-v_11 + (v_11 exp(c_1+..) + v_21 exp(c_1+..) + v_31 exp(c_1+..))/sum",
            e25,
        ),
        ("26", "-v_11 + v_11 yh_1 + v_21 yh_2 + v_31 yh_3", e26),
        ("27", "v_11 (yh_1 - 1) + v_21 yh_2 + v_31 yh_3", e27),
    )

    printed = {  # number: (component of h, v of (yh_1 - 1), v of yh_2, v of yh_3)
        "28": (2, (1, 2), (2, 2), (3, 2)),
        "29": (3, (1, 3), (2, 3), (3, 3)),
        "30": (4, (1, 4), (2, 4), (3, 4)),
        "31": (5, (1, 5), (2, 5), (3, 5)),
    }
    for number, (n, v1, v2, v3) in printed.items():

        def side(w, c, v1=v1, v2=v2, v3=v3):
            y = w.yh(w.tau)
            return w.V[v1] * (y[1] - 1) + w.V[v2] * y[2] + w.V[v3] * y[3]

        book.chain(
            f"dL/dh_{n}^(tau)",
            lambda w, c, n=n: w.dnode(total, "h", w.tau, n),
            (number, f"v_1{n} (yh_1 - 1) + v_2{n} yh_2 + v_3{n} yh_3", side),
        )

    def y32(w, c):
        y = w.yh(c.t)
        return col(y[1] - 1, y[2], y[3])

    t_or_tau = {"over": ("t",), "readings": (T_AS_TAU,)}
    book.chain(
        "[supplied] grad_{h^(tau)} L",
        lambda w, c: w.gnode(total, "h", w.tau),
        ("32", "(v..)(yh^(t)..)", lambda w, c: grid(w.V, V_T) @ y32(w, c)),
        **t_or_tau,
    )
    book.label("32", "V^T", lambda w, c: grid(w.V, V_T), lambda w, c: w.V.T)
    book.label("32", "grad_o^(tau) L", y32, lambda w, c: w.gnode(total, "o", w.tau), **t_or_tau)
    book.chain(
        "grad_{h^(tau)} L",
        lambda w, c: w.gnode(total, "h", w.tau),
        ("33", "V^T grad_{o^(tau)} L", lambda w, c: w.V.T @ w.gnode(total, "o", w.tau)),
    )
