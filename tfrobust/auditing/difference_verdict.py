"""What a comparison of two networks says, in words.

The limits are conventions: two networks predict the same unless they clearly agree on fewer than 98 % of the images
(the 95 % interval ends below), and explain the same where 80 % of the most important pixels are the same; under 50 %,
the explanation is another one.  So it is, under 80 %, where the maps are no more alike than those of another seed of
the training, if networks of other seeds were given.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from tfrobust.auditing.difference import AFTER, BEFORE, Difference
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import FRAGILE, MAP_NAMES, STILL
from tfrobust.evaluation import statistics
from tfrobust.evaluation.paired import Paired, mcnemar, paired

PREDICTS_THE_SAME = 0.98
NO_DIFFERENCE = 1e-3  # Of probabilities, up to which two files compute the same.
SIGNIFICANT = 0.05
ENOUGH = 10  # Images from which on a paired test is worth looking at.
Kind = Literal["identical", "same", "partly", "otherwise", "other"]


class DifferenceVerdict(NamedTuple):
    """What a comparison says.

    Attributes:
        kind: identical; same (predicts and explains the same); partly, otherwise (predicts the same and explains it in
          part or wholly otherwise); other (predicts otherwise).
        lead, found: the verdict in a few words, and the numbers behind it.
        means: for whoever relies on the networks.
        todo: what to do next.
        certainty: how sure it is.
    """

    kind: Kind
    lead: str
    found: str
    means: str
    todo: list[str]
    certainty: list[str]


LEADS = {
    "identical": "They are the same network",
    "same": "They predict the same and explain it the same",
    "partly": "They predict the same and explain it in part otherwise",
    "otherwise": "They predict the same and explain it otherwise",
    "other": "They predict differently",
}
MEANS = {
    "identical": "The two files compute the same predictions and the same explanations, but for rounding.",
    "same": "Whoever reads the explanations sees the same whichever of the two is behind them.",
    "partly": "What one of them shows as the reason of a prediction is in part not what the other one shows. "
    "Training further does that, and so does a change that was made on purpose.",
    "otherwise": "Accuracy does not tell the two apart, but what they show as the reason of a prediction does. This "
    "is what a file looks like that was changed so that its explanations mislead; training that leaves the "
    "predictions alone and aims at something else looks the same.",
    "other": "They say different things of too many images for one to pass for the other. Their explanations are "
    "compared where they agree.",
}
TODO = {
    "identical": ["Nothing: either may take the place of the other."],
    "same": ["Audit the second one for longer before it takes the place of the first: this attack was a short one."],
    "partly": [
        "Look at the pictures below: does what differs matter for those who read the maps?",
        "Audit the second one before it takes the place of the first.",
    ],
    "otherwise": [
        "Do not let the second one take the place of the first where people read its explanations.",
        "Find out where the second file comes from and what it was trained for: compare it with one that was made from "
        "the known training.",
    ],
    "other": ["Decide by their accuracy and by how fragile each is; audit the one that you take."],
}
FURTHER_THAN_SEEDS = (
    "Their explanations are further apart than those of two trainings with different seeds: that is more than chance."
)
YARDSTICK = "Give networks of the same training with other seeds: how much their maps differ is the yardstick."


def alike(difference: Difference, measure: str = "top_k_intersection") -> dict[str, dict[str, float]]:
    """How alike the two explain the images: kind of map -> mean, low, high and so on."""
    return {kind: statistics.describe(own[measure], 0.0, 1.0) for kind, own in difference.scores.items()}


def against_seeds(difference: Difference, kind: str, measure: str = "top_k_intersection") -> Paired | None:
    """How much more alike the two are than networks of other seeds, image by image; None where there are none."""
    if not difference.seeds:
        return None
    more = difference.scores[kind][measure] - difference.seeds[kind][measure]
    known = more[np.isfinite(more)]
    return paired(known) if len(known) else None


def fragility(difference: Difference, measure: str = "top_k_intersection") -> Paired | None:
    """How much more stays of the second network's maps under the attack than of the first one's, image by image."""
    if not difference.attacks:
        return None
    return paired(difference.attacks[AFTER].scores[measure] - difference.attacks[BEFORE].scores[measure])


def agreement(difference: Difference) -> dict[str, float]:
    """The share of images for which both predict the same, with its interval."""
    return statistics.share(difference.predicted(BEFORE) == difference.predicted(AFTER))


def right(difference: Difference) -> dict[str, np.ndarray]:
    """Whether each of the two is right, [N] bool."""
    return {which: difference.predicted(which) == difference.inputs.y for which in (BEFORE, AFTER)}


def kind_of(difference: Difference) -> tuple[Kind, str]:
    """(kind of the verdict, the kind of map that it rests on: the one that differs most)."""
    means = {kind: own["mean"] for kind, own in alike(difference).items()}
    worst = min(means, key=lambda kind: means[kind])
    apart = np.abs(difference.probabilities[BEFORE] - difference.probabilities[AFTER]).max()
    if agreement(difference)["high"] < PREDICTS_THE_SAME:
        return "other", worst
    if apart <= NO_DIFFERENCE and means[worst] > 1 - NO_DIFFERENCE:
        return "identical", worst
    more = against_seeds(difference, worst)
    no_closer_than_seeds = more is not None and more.images >= ENOUGH and (more.mean <= 0 or more.p >= SIGNIFICANT)
    if means[worst] < FRAGILE or (no_closer_than_seeds and means[worst] < STILL):
        return "otherwise", worst
    return ("same" if means[worst] >= STILL else "partly"), worst


def reach_difference_verdict(difference: Difference) -> DifferenceVerdict:
    """The verdict on what was measured."""
    kind, worst = kind_of(difference)
    todo = list(TODO[kind])
    if not difference.seeds and kind in ("partly", "otherwise"):
        todo.append(YARDSTICK)
    if kind == "otherwise" and difference.attacks:
        todo.append("Audit both: the numbers below say how fragile each is under a short attack.")
    found, sure, more = _found(difference, worst), _certainty(difference, worst), against_seeds(difference, worst)
    further = more is not None and more.images >= ENOUGH and more.mean < 0 and more.p < SIGNIFICANT
    means = f"{MEANS[kind]} {FURTHER_THAN_SEEDS}" if further else MEANS[kind]
    return DifferenceVerdict(kind, LEADS[kind], found, means, todo, sure)


def _found(difference, worst) -> str:
    same, means = agreement(difference), alike(difference)
    name = MAP_NAMES[worst]
    text = (
        f"On {same['mean']:.1%} of {len(difference.inputs.x)} images they predict the same class. For those, "
        f"{means[worst]['mean']:.0%} of the {difference.k} most important pixels of {name} are the same"
    )
    noise = difference.noise[worst]["top_k_intersection"].mean()
    parts = [f"{noise:.0%} after noise of {in_pixels(difference.plan.eps)} on the image"]
    if difference.seeds:
        parts.append(f"{np.nanmean(difference.seeds[worst]['top_k_intersection']):.0%} between seeds of one training")
    text += f"; as a yardstick, {' and '.join(parts)}. "
    return text + _of_fragility(difference)


def _of_fragility(difference) -> str:
    found = fragility(difference)
    if found is None:
        return "How fragile they are was not measured."
    stay = [difference.attacks[which].scores["top_k_intersection"].mean() for which in (BEFORE, AFTER)]
    more = "more" if found.mean < 0 else "less"
    words = f"the second is {more} fragile" if found.p < SIGNIFICANT else "no difference that could not be chance"
    return f"Under attack {stay[0]:.0%} and {stay[1]:.0%} of the top of each one's Integrated Gradients stay: {words}."


def _certainty(difference, worst) -> list[str]:
    means, hits = alike(difference)[worst], right(difference)
    out = [
        f"The maps of {len(difference.explained)} images were compared: the mean share lies between "
        f"{means['low']:.0%} and {means['high']:.0%} (95 % interval).",
        f"The first is right on {hits[BEFORE].mean():.1%} and the second on {hits[AFTER].mean():.1%} of the images "
        f"(McNemar's test: {_chance(mcnemar(hits[BEFORE], hits[AFTER]))}).",
    ]
    more = against_seeds(difference, worst)
    if more is not None:
        out.append(
            f"They are {100 * abs(more.mean):.0f} points {'more' if more.mean > 0 else 'less'} alike than seeds of "
            f"one training (95 % interval {100 * more.low:.0f} to {100 * more.high:.0f}, {more.images} images, "
            f"{_chance(more.p)})."
        )
    found = fragility(difference)
    if found is not None:
        out.append(
            f"Under attack {100 * abs(found.mean):.0f} points {'fewer' if found.mean < 0 else 'more'} of the second "
            f"one's top pixels stay (95 % interval of the difference {100 * found.low:.0f} to {100 * found.high:.0f}, "
            f"{found.images} images, {_chance(found.p)}). The attack is a short one: both "
            "are at most as stable as this."
        )
    return [
        *out,
        "p is how often chance alone would make a difference at least as large.",
        f"The words are conventions: the same prediction unless the interval ends below {PREDICTS_THE_SAME:.0%}, the "
        f"same explanation where {STILL:.0%} of the top pixels are shared, another one under {FRAGILE:.0%}, or where "
        "they are no more alike than seeds of one training.",
        "Other images, other explanations and inputs that were prepared to trigger something may tell the two apart "
        "where these did not.",
    ]


def _chance(p: float) -> str:
    return f"p = {p:.2g}" if p >= 0.001 else "p under 0.001"


def summarize_difference(difference: Difference, about: dict[str, Any] | None = None) -> dict[str, Any]:
    """Everything but the records, as plain values; `about`: further facts."""
    words, hits = reach_difference_verdict(difference), right(difference)
    both = {name: difference.probabilities[name] for name in (BEFORE, AFTER)}
    distance = 0.5 * np.abs(both[BEFORE] - both[AFTER]).sum(axis=1)
    against = {kind: against_seeds(difference, kind) for kind in difference.scores}
    found = fragility(difference)
    return {
        "verdict": {**words._asdict(), "map": kind_of(difference)[1]},
        "predictions": {
            "agreement": agreement(difference),
            "accuracy": {which: statistics.share(own) for which, own in hits.items()},
            "mcnemar_p": mcnemar(hits[BEFORE], hits[AFTER]),
            "distance": statistics.describe(distance, 0.0, 1.0),  # Total variation.
        },
        "maps": {kind: _described(own) for kind, own in difference.scores.items()},
        "noise": {kind: _described(own) for kind, own in difference.noise.items()},
        "seeds": {kind: _described(own) for kind, own in difference.seeds.items()},
        "seeds_agreement": difference.agreeing,
        "closer_than_seeds": {kind: None if each is None else each._asdict() for kind, each in against.items()},
        "under_attack": {which: _described(own.scores) for which, own in difference.attacks.items()},
        "fragility": None if found is None else found._asdict(),
        "images": {
            "compared": len(difference.inputs.x),
            "explained": len(difference.explained),
            "attacked": len(difference.attacked),
        },
        "about": about or {},
    }


def _described(columns) -> dict[str, dict[str, float]]:
    known = {name: values[np.isfinite(values)] for name, values in columns.items()}
    return {name: statistics.describe(values, -1.0, 1.0) for name, values in known.items() if len(values)}
