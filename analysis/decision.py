"""One interval against one claim: CONFIRMED, REFUTED or UNDECIDED, with the p value and the reason."""

from dataclasses import dataclass
from enum import StrEnum

from analysis.significance.intervals import Interval
from analysis.significance.one_sample import t_test, tost
from analysis.significance.power import POWER, pairs_for_equivalence, pairs_needed
from trainable.spec.statement import DEPARTURE, EQUIVALENCE, NON_INFERIORITY, Claim


class Outcome(StrEnum):
    CONFIRMED = "CONFIRMED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True)
class Decision:
    """`interval` is the one that decided, at `confidence`; `p_value` is below 1 - the sweep's confidence exactly where it decides."""

    outcome: Outcome
    interval: Interval
    confidence: float
    p_value: float
    reason: str


def decide(differences: Interval, claim: Claim, confidence: float) -> Decision:
    """Relative differences to the baseline, paired by seed (below 0 is better), against the claim's bound.

    Superiority and non-inferiority are one test with different margins (ICH E9, section 3.3.2): the two-sided interval at `confidence` lies
    below the bound, or not below it anywhere. Equivalence is confirmed by two one-sided tests at alpha = 1 - `confidence` each, which
    is the interval at 1 - 2 alpha within the margins (Schuirmann 1987), and refuted by the interval at `confidence` outside of them.
    A departure is the opposite of an equivalence to a number: the differences are those of the metric itself to that number.
    """
    if claim.stated_kind == DEPARTURE:
        return _departed(differences.at(confidence), claim, confidence)
    if claim.stated_kind == EQUIVALENCE:
        return _equivalent(differences.at(confidence), claim, confidence)
    return _below(differences.at(confidence), claim, confidence)


def _below(interval: Interval, claim: Claim, confidence: float) -> Decision:
    bound = claim.max_relative_difference
    claimed = f"the {'margin of' if claim.stated_kind == NON_INFERIORITY else 'claimed'} {bound:+.2%}"
    if interval.high < bound:
        outcome, how = Outcome.CONFIRMED, f"lies below {claimed}"
    elif interval.low >= bound:
        outcome, how = Outcome.REFUTED, f"does not lie below {claimed} anywhere"
    else:
        outcome, how = Outcome.UNDECIDED, f"contains {claimed}"
    return Decision(outcome, interval, confidence, _p_value(interval, bound), f"{_measured(interval, claim, confidence)}, which {how}")


def _equivalent(wide: Interval, claim: Claim, confidence: float) -> Decision:
    margin, alpha = claim.max_relative_difference, 1 - confidence
    inner = max(0.0, 1 - 2 * alpha)
    narrow = wide.at(inner)
    margins = f"within ±{margin:.2%} of the baseline"
    if -margin < narrow.low and narrow.high < margin:
        reason = f"{_measured(narrow, claim, inner)}, which lies {margins} (two one-sided tests at {alpha:.0%})"
        return Decision(Outcome.CONFIRMED, narrow, inner, tost(wide, margin), reason)
    nearest = margin if wide.estimate > 0 else -margin
    if wide.low >= margin or wide.high <= -margin:
        reason = f"{_measured(wide, claim, confidence)}, which does not lie {margins} anywhere"
        return Decision(Outcome.REFUTED, wide, confidence, _p_value(wide, nearest), reason)
    p_value = tost(wide, margin) if abs(wide.estimate) < margin else t_test(wide, nearest)
    reason = f"{_measured(narrow, claim, inner)}, which lies neither {margins} nor outside"
    return Decision(Outcome.UNDECIDED, narrow, inner, p_value, reason)


def _departed(wide: Interval, claim: Claim, confidence: float) -> Decision:
    margin, alpha = claim.min_distance, 1 - confidence
    inner = max(0.0, 1 - 2 * alpha)
    narrow, within = wide.at(inner), f"within {margin:g} of {claim.away_from:g}"
    if wide.low > margin or wide.high < -margin:
        nearest = margin if wide.estimate > 0 else -margin
        reason = f"{_mean(wide, claim, confidence)}, no value of which lies {within}"
        return Decision(Outcome.CONFIRMED, wide, confidence, _p_value(wide, nearest), reason)
    if -margin < narrow.low and narrow.high < margin:
        reason = f"{_mean(narrow, claim, inner)}, which lies {within} (two one-sided tests at {alpha:.0%})"
        return Decision(Outcome.REFUTED, narrow, inner, tost(wide, margin), reason)
    p_value = tost(wide, margin) if abs(wide.estimate) < margin else t_test(wide, margin if wide.estimate > 0 else -margin)
    return Decision(Outcome.UNDECIDED, wide, confidence, p_value, f"{_mean(wide, claim, confidence)}, which lies partly {within}")


def _mean(interval: Interval, claim: Claim, confidence: float) -> str:
    number = claim.away_from or 0.0
    mean = f"mean {number + interval.estimate:.3g} over {interval.n} seeds"
    distance = f", {interval.estimate:+.3g} from {number:g}" if number else ""
    return f"{mean}{distance}, {confidence:.0%} interval [{interval.low:+.3g}, {interval.high:+.3g}]"


def _p_value(interval: Interval, bound: float) -> float:
    """A measurement that is the same for every seed leaves nothing to chance, even where it meets the bound itself."""
    return 0.0 if interval.std == 0.0 else t_test(interval, bound)


def _measured(interval: Interval, claim: Claim, confidence: float) -> str:
    reference = "the baseline" if claim.against is None else ", ".join(f"{key} = {value}" for key, value in claim.against.items())
    same = "" if interval.std else ", the same for every seed"
    return (
        f"{interval.estimate:+.2%} against {reference} over {interval.n} pairs of seeds{same}, "
        f"{confidence:.0%} interval [{interval.low:+.2%}, {interval.high:+.2%}]"
    )


def outlook(differences: Interval, claim: Claim, alpha: float) -> str:
    """How many seeds would decide the claim at `alpha`, were mean and spread to stay as they are."""
    bound, estimate, std = claim.max_relative_difference, differences.estimate, differences.std
    if claim.stated_kind == DEPARTURE:
        bound = claim.min_distance
        needed = pairs_needed(std, abs(abs(estimate) - bound), alpha)
    elif claim.stated_kind != EQUIVALENCE:
        needed = pairs_needed(std, abs(estimate - bound), alpha)
    elif abs(estimate) < bound:
        needed = pairs_for_equivalence(std, estimate, bound, alpha)
    else:
        needed = pairs_needed(std, abs(estimate) - bound, alpha)
    seeds = f"about {needed} seeds" if needed else "more than 1000 seeds"
    return f"at this mean and spread {seeds} would decide it with {POWER:.0%} power"
