"""What the general decider says of a claim that the concrete one has judged: the two may not contradict each other."""

from __future__ import annotations

from symrnn.claims import Claim, Definition, Typed
from symrnn.general.decide import Disagreement, General, GeneralDecider, Silent


def ask(
    general: GeneralDecider, typed: Typed, claim: Claim, assumptions: tuple[Definition, ...], refuted: bool
) -> General | Silent:
    """What the general decider says of a claim that the concrete one has proved or refuted.

    Raises Disagreement where it proves what is refuted. Any other bug of ours costs the general proof, not the verdict,
    unless ``debug`` is set.
    """
    try:
        found = general.decide(typed, claim.where, assumptions, brief=refuted)
    except Exception as error:
        if general.debug:
            raise
        return Silent(f"internal error ({type(error).__name__}: {error}); please report it")
    if refuted and isinstance(found, General):
        raise Disagreement(f"{claim.id} is refuted at a point and proved in general")
    return found
