"""Reports: every claim of every document confirmed, or not and why; and whether the verdicts add up."""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from symrnn.recheck.reals import Interval, Undefined, real
from symrnn.recheck.world import MOST, Env, Outside, World, joined, parse

ORDER = ("refuted", "ill-formed", "undecided", "conditional", "proved", "defined")  # the worst first
TRIALS, SAMPLES, TRIES = 3, 12, 32  # sizes at which a general proof is looked at, instances of each; points tried


COUNTED = ("proved", "conditional", "instances", "derivatives", "statements", "refuted", "nothing")
ABOUT = """Confirm every certificate of a report that symrnn check --format json wrote, with an arithmetic and a
differentiation of its own, apart from all that the verdicts came from.

A proof is confirmed where both sides agree to 40 digits, as intervals of decimals, at N random points for every
instance at the sizes and lengths of the report; a proof for all sizes or lengths at others too, drawn at random, with
every statement of its derivation. A refutation is confirmed where the sides are disjoint at its witness.

Exit status: 0 all is confirmed; 1 something is not; 2 bad usage, or no report."""


class Wrong(Exception):
    """Something that is not confirmed, and why."""


def demand(holds: bool, why: str) -> None:
    if not holds:
        raise Wrong(why)


class Paper:
    """One document of a report."""

    def __init__(self, paper: Any, points: int, seed: int) -> None:
        self.paper, self.points, self.seed = paper, points, seed
        self.model, self.path = paper["model"], paper["path"]
        self.worlds: dict[Any, World] = {}
        self.failures: list[str] = []
        self.stated: dict[int, str] = {}  # statements that were looked at, and what is wrong with them
        self.counts: Counter[str] = Counter()

    def point(self, k: int, at: dict[str, str]) -> Callable[[str], Interval]:
        """Random decimals up to 1.5, later tries wider; of any sign, positive, of the other sign, positive, and so
        on: a relu sees both sides of 0 at three points. ``at``: values that are given.
        """

        def value(name: str) -> Interval:
            rng = random.Random(f"{self.seed} {k} {name}")
            either = random.Random(f"{self.seed} {k // 4} sign {name}").choice((-1, 1))
            sign = (either, 1, -either, 1)[k % 4]
            if name in at:
                demand(re.fullmatch(r"-?\d+(/\d+)?", at[name]) is not None, f"{name} has no rational value")
                return real(Fraction(at[name]))
            return real(Fraction(sign * rng.randint(1, 1500) * 16 ** (k // 8), 1000))

        return value

    def world(self, c: Any, sizes: Env, steps: int, k: int, env: Env) -> World:
        """The definitions at point ``k``, made once for the values of whole numbers that they depend on."""
        chosen = {name: env[name] for name in self.model.get("chosen", []) if name in env}
        key = (json.dumps([sorted(sizes.items()), c.get("quantities"), c.get("given"), chosen]), steps, k)
        if key not in self.worlds:
            self.worlds[key] = self.made(c, sizes, steps, self.point(k, {}), chosen)
        return self.worlds[key]

    def made(self, c: Any, sizes: Env, steps: int, point: Callable[[str], Interval], chosen: Env) -> World:
        """The definitions with what a claim adds to them: quantities of its own, and assumptions."""
        demand(type(steps) is int and 0 < steps <= MOST, "the length is no number of steps")
        model = {**self.model, "quantities": {**self.model["quantities"], **c.get("quantities", {})}}
        given = [self.assumed(self.model["assumptions"][name], sizes) for name in c.get("given", [])]
        return World(model, sizes, steps, given, point, chosen)

    def assumed(self, d: Any, sizes: Env) -> Any:
        """An assumption; one that says what the components sum to makes, at another size, the last one the rest."""
        name, _, _, time, _, *total = d
        rows, cols, _ = self.model["quantities"][name]
        axis = (rows if cols == "1" else cols)[1:]
        if not total or sizes[axis] == self.model["sizes"][axis]:
            return d
        places = [f"{k} 1" if cols == "1" else f"1 {k}" for k in range(1, sizes[axis] + 1)]
        rest = [f"(- (entry {name}{time.strip('*')} {place}))" for place in places[:-1]]
        return [name, *places[-1].split(), time, f"(+ {total[0]} {' '.join(rest)})"]

    # -- claims --

    def instances(self, c: Any, world: World) -> Iterator[Env]:
        """The values of a claim's letters that meet its conditions."""
        dims = c["letters"].values()
        steps = range(world.first, world.steps + 1)
        ranges = [steps if d is None else range(1, world.size(d) + 1) if isinstance(d, str) else d for d in dims]
        for values in product(*ranges):
            env = {self.model["last"]: world.steps, **dict(zip(c["letters"], values, strict=True))}
            if world.meets(env, c.get("where", [])):
                yield env

    def sides(self, c: Any, world: World, env: Env) -> list[list[tuple[Interval, Interval]]]:
        left, right = (world.value(parse(c[side]), env) for side in ("lhs", "rhs"))
        return joined(lambda a, b: (a.value, b.value), left, right)

    def confirm(self, c: Any, sizes: Env, steps: int, most: int | None = None) -> int:
        """Both sides agree in every instance at these sizes and this length (in ``most``); how many there are."""
        found = list(self.instances(c, self.world(c, sizes, steps, 0, {})))
        if most is not None and len(found) > most:
            found = random.Random(self.seed).sample(found, most)
        return sum(self.agree(c, sizes, steps, env) for env in found)

    def agree(self, c: Any, sizes: Env, steps: int, env: Env) -> bool:
        """Whether the instance exists. Raises Wrong where its sides differ, or have no value at enough points."""
        agreed = 0
        for k in range(TRIES):
            try:
                pairs = self.sides(c, self.world(c, sizes, steps, k, env), env)
            except Outside:
                return False
            except (Undefined, ArithmeticError):
                continue
            for i, row in enumerate(pairs, 1):
                for j, (a, b) in enumerate(row, 1):
                    place = f"{json.dumps({**sizes, **env})}, component {i},{j}, point {k} of seed {self.seed}"
                    demand(a.meets(b), f"{a} is not {b} at {place}")
            if all(a.narrow and b.narrow for row in pairs for a, b in row):
                agreed += 1
            if agreed == self.points:
                self.counts["instances"] += 1
                return True
        raise Wrong(f"both sides have a value at {agreed} of {TRIES} points only, at {json.dumps({**sizes, **env})}")

    def everywhere(self, c: Any, fixed: list[str]) -> None:
        """What holds at every size but those that are fixed, and at every length: looked at where a die falls."""
        sizes, good = {**self.model["sizes"], **c.get("sizes", {})}, 0
        demand(set(fixed) <= set(sizes), "sizes that no one knows")
        for k in range(TRIALS * 10):
            rng = random.Random(f"{self.seed} {k}")
            steps = rng.randint(self.model["first"] or 1, 5 + k // TRIALS)
            here = {n: rng.randint(1, 4) for n in sorted(sizes)} | {n: sizes[n] for n in fixed}
            good += self.confirm(c, here, steps, SAMPLES) > 0
            if good == TRIALS:
                return
        demand(good > 0, "no instance at other sizes and lengths")

    def proved(self, claim: Any) -> None:
        """At the sizes and lengths of the report, then, if it is proved in general, at others."""
        c, scope = claim["certificate"], claim["scope"]
        counts, sizes, general = c["instances"], {**self.model["sizes"], **c.get("sizes", {})}, c.get("general", {})
        lengths = {int(n) for n in counts} | set(() if scope["lengths"] == "all" else scope["lengths"])
        for n in sorted(lengths):
            found = self.confirm(c, sizes, n)
            demand(found == counts.get(str(n), found), f"{found} instances at length {n}, not {counts.get(str(n))}")
        demand(sum(counts.values()) > 0, "there is no instance")
        timed = any(name.endswith("@") for name in self.model["quantities"])
        demand(scope["lengths"] != "all" or "fixed" in general or not timed, "no proof for all lengths")
        if scope["sizes"] != "all":
            demand(all(sizes.get(n, k) == k for n, k in scope["sizes"].items()), "the sizes are not those of the scope")
        if "fixed" in general:
            named = {} if scope["sizes"] == "all" else scope["sizes"]
            demand({n.split(".")[0] for n in general["fixed"]} <= {"axis", *named}, "a size is fixed that is not named")
            self.everywhere(c, general["fixed"])
            for k in general["derivation"]:
                self.statement(k)
        demand("fixed" in general or scope["sizes"] != "all" or not self.model["named"], "no proof for all sizes")

    def statement(self, k: int) -> None:
        """A statement of a derivation, looked at once; words alone say nothing."""
        s = self.model["statements"][k]
        if "lhs" in s and k not in self.stated:
            self.stated[k] = ""
            try:
                self.everywhere(s, s.get("fixed", []))
                self.counts["statements"] += 1
            except (Wrong, *BROKEN) as error:
                self.stated[k] = f"statement {k} of its derivation: {type(error).__name__}: {error}"
        demand(not self.stated.get(k), self.stated.get(k, ""))

    def refuted(self, claim: Any) -> None:
        """The sides are disjoint at the witness, and have the values that it states."""
        c, w = claim["certificate"], claim["witness"]
        sizes = {**self.model["sizes"], **c.get("sizes", {})}
        letters, at = (
            {re.sub(r"[\s()~?#]", "_", name): k for name, k in w[part].items()} for part in ("letters", "at")
        )
        chosen = {name: k for name, k in letters.items() if name in self.model.get("chosen", [])}
        world = self.made(c, sizes, w["steps"], self.point(0, at), chosen)
        env = {self.model["last"]: w["steps"], **letters}
        demand(env in self.instances(c, world), "the witness is no instance")
        row, col = w["component"]
        demand(min(row, col) > 0, "components count from 1")
        pair = self.sides(c, world, env)[row - 1][col - 1]
        demand(not pair[0].meets(pair[1]), f"both sides may be {pair[0]} at the witness")
        for value, text in zip(pair, (w["lhs"], w["rhs"]), strict=True):
            mid, _, radius = (part.strip() or "0" for part in text.strip("[]").partition("+/-"))
            ball = Interval(Decimal(mid) - Decimal(radius), Decimal(mid) + Decimal(radius))
            demand(value.meets(ball), f"a side is {value} at the witness, not {text}")

    def words(self) -> str:
        """What was confirmed, in two lines."""
        n = {k: f"{self.counts[k]:,}" for k in COUNTED}
        found = f"{len(self.failures)} NOT confirmed; confirmed" if self.failures else "all confirmed"
        kinds = ", ".join(f"{n[k]} {k}" for k in ("proved", "conditional", "refuted"))
        return (
            f"{self.path}: {found}: {kinds} claims\n"
            f"  {n['instances']} instances at {self.points} points each, {n['derivatives']} derivatives, "
            f"{n['statements']} statements of derivations; {n['nothing']} claims had nothing to confirm"
        )

    def check(self) -> None:
        """Every claim, and whether the verdicts of equations are the worst of their claims'."""
        for e in self.paper["equations"]:
            for claim in e["claims"]:
                try:
                    self.claim(claim)
                except (Wrong, *BROKEN) as error:
                    why = str(error) if isinstance(error, Wrong) else f"unreadable ({type(error).__name__}: {error})"
                    self.failures.append(f"({e['number']}) {claim['id']} {claim['verdict']}: {why}")
            kinds = [claim["verdict"] for claim in e["claims"]] or [k for k in ORDER[1:3] if k == e["verdict"]]
            if e["verdict"] != min(kinds, key=ORDER.index, default=""):
                self.failures.append(f"({e['number']}): its verdict is not the worst of its claims'")
        self.counts["derivatives"] = sum(w.slopes for w in self.worlds.values())

    def claim(self, claim: Any) -> None:
        verdict = claim["verdict"]
        demand(verdict in ORDER, "no such verdict")
        if verdict in ("proved", "conditional"):
            c = claim["certificate"]
            heads = claim["kind"] == "definition" or c["lhs"] == c["rhs"]
            if verdict == "conditional" and not c["instances"] and heads:
                verdict = "nothing"  # a definition, or the head of a chain, under a reading
            else:
                demand((verdict == "conditional") == bool(claim["conditions"]), "conditions and verdict disagree")
                demand(set(c.get("given", [])) <= set(claim["assumptions"]), "an assumption is not named")
                self.proved(claim)
        elif verdict == "refuted":
            self.refuted(claim)
        else:
            demand(not claim["certificate"] and not claim["witness"], "a certificate of nothing")
        self.counts[verdict if verdict in COUNTED else "nothing"] += 1


# What comes of a certificate that is not written as one.
BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, Undefined, Outside)


def recheck(text: str, points: int = 3, seed: int = 0) -> tuple[list[str], list[Paper]]:
    """What a report gets wrong as a whole, and its documents, checked. Raises ValueError for what is no report."""
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(report, dict) or report.get("version") != 1 or not isinstance(report.get("documents"), list):
        raise ValueError("is no report of version 1")
    try:
        papers = [Paper(p, points, seed) for p in report["documents"]]
        for paper in papers:
            paper.check()
        counts = Counter(e["verdict"] for p in report["documents"] for e in p["equations"])
        wrong = {k: n for k, n in report["summary"].items() if n != counts[k]} or set(counts) - set(report["summary"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"is not written like a report ({type(error).__name__}: {error})") from None
    return [f"summary: the equations do not add up to {wrong}"] if wrong else [], papers


def main(arguments: list[str] | None = None, name: str = "symrnn recheck") -> int:
    """The command line; the exit status is returned."""
    parser = argparse.ArgumentParser(name, description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", metavar="REPORT.json", help="the report; - is standard input")
    parser.add_argument("--points", type=int, default=3, metavar="N", help="how many points for each instance (3)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="other points, sizes and lengths (0)")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="the form of what is printed")
    options = parser.parse_args(arguments)
    if options.points < 1:
        parser.error("--points is 1 at least")
    try:
        text = sys.stdin.read() if options.report == "-" else Path(options.report).read_text(encoding="utf-8")
        wrong, papers = recheck(text, options.points, options.seed)
    except (OSError, ValueError) as error:
        print(f"symrnn: {options.report}: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        return 2
    if options.format == "json":
        found = [{"path": p.path, **{k: p.counts[k] for k in COUNTED}, "failures": p.failures} for p in papers]
        print(json.dumps({"documents": found, "failures": wrong}, indent=1, ensure_ascii=False))
    else:
        for line in [*wrong, *(f"{p.path} {line}" for p in papers for line in p.failures)]:
            print(f"not confirmed: {line}")
        for p in papers:
            print(p.words())
    return int(bool(wrong or any(p.failures for p in papers)))
