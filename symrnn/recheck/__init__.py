"""The re-checker: reads the JSON report of ``symrnn check`` and confirms every proof and refutation by itself.

It stands alone (the standard library, nothing of symrnn; ``reals``, ``world`` and ``report`` are read in one sitting).
It believes no derivative and no verdict. What it takes from the report is what was *understood* of the document: the
definitions, and the two sides of each claim, in index notation. These it evaluates with an arithmetic of its own:

* values are intervals of 60-digit decimals, rounded outward, that certainly hold the exact real value;
* points are random decimals, the same in every run with one seed;
* derivatives are those of reverse-mode differentiation of the definitions: along all paths, everything before the
  variable held fixed; by a parameter over all its uses, or (``b~t``) over those in the definitions of one step.

A *proved* or *conditional* claim is confirmed where, for every instance at the sizes and lengths of the report, both
sides are intervals narrower than 1e-40 that overlap, at several points. If it is proved for every size or length,
instances at random sizes and lengths are confirmed too, and every statement of its derivation (base, step, sum). A
*refuted* claim is confirmed where its sides are disjoint at its witness. Verdicts of equations and the summary have to
add up. A definition is what it is: one that is tampered with shows in the claims that rest on it, or nowhere.
"""
