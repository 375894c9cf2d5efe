"""What a comparison of two networks says, in words.

The limits are conventions: two networks predict the same unless they clearly agree on fewer than 98 % of the images
(the 95 % interval ends below), and explain the same where 80 % of the most important pixels are the same; under 50 %,
the explanation is another one.  So it is, under 80 %, where the maps are no more alike than those of another seed of
the training, if networks of other seeds were given.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from tfrobust.auditing.difference import AFTER, BEFORE, Difference
from tfrobust.auditing.plan import in_levels
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
    "otherwise": "Accuracy does not tell the two apart, but what they show as the reason of a prediction does. "
    "Deliberate manipulation is one possible cause; training on for another goal (such as stiller maps) is another. "
    "This comparison cannot tell which.",
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
    "By the most important pixels their explanations are further apart than those of two trainings that differ in "
    "nothing but their random start (seed): that is more than chance."
)
CONVENTIONS = (
    "Predict the same: unless the 95 % interval of the share of images with the same prediction ends below "
    f"{PREDICTS_THE_SAME:.0%}.",
    f"Explain it the same: {STILL:.0%} or more of the top pixels are shared.",
    f"Explain it in part otherwise: {FRAGILE:.0%} to {STILL:.0%} are shared.",
    f"Explain it otherwise: under {FRAGILE:.0%} are shared, or under {STILL:.0%} and not clearly more than between two "
    "seeds.",
)
YARDSTICK = (
    "Compare again with networks of the same training with other seeds: how much their maps differ shows what is usual."
)
STILLER = (
    "The second's maps move less, which does not make them trustworthy: a map that always points at one place "
    "moves little too"
)


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
        images = len(difference.attacked)
        todo.append(f"Audit both: the attack here was short ({images} images) and is no substitute.")
    means = " ".join([MEANS[kind], *_beside_seeds(difference, worst)])
    return DifferenceVerdict(kind, LEADS[kind], _found(difference, worst), means, todo, _certainty(difference, worst))


def _beside_seeds(difference, worst) -> list[str]:
    """That the two are further apart than seeds, and whether the order of all pixels says so, too."""
    if not _further_than_seeds(difference, worst, "top_k_intersection"):
        return []
    by_order = _further_than_seeds(difference, worst, "kendall")
    return [FURTHER_THAN_SEEDS, f"By the order of all pixels (Kendall's tau) they are {'too' if by_order else 'not'}."]


def _further_than_seeds(difference, kind, measure) -> bool:
    more = against_seeds(difference, kind, measure)
    return more is not None and more.images >= ENOUGH and more.mean < 0 and more.p < SIGNIFICANT


def _found(difference, worst) -> str:
    same, means = agreement(difference), alike(difference)
    text = (
        f"On {same['mean']:.1%} of {len(difference.inputs.x)} images they predict the same class. For those, "
        f"{means[worst]['mean']:.0%} of the {difference.k} most important pixels of {MAP_NAMES[worst]} are the same"
    )
    noise = difference.noise[worst]["top_k_intersection"].mean()
    beside = [f"the first with itself after noise ({in_levels(difference.plan.eps)}) {noise:.0%}"]
    if difference.seeds:
        seeds = np.nanmean(difference.seeds[worst]["top_k_intersection"])
        beside.append(f"two trainings that differ in nothing but their random start (seed) {seeds:.0%}")
    return f"{text}; for comparison, by the same map: {', '.join(beside)}. {_of_fragility(difference)}"


def _of_fragility(difference) -> str:
    found = fragility(difference)
    if found is None:
        return "How fragile they are was not measured."
    stay = [difference.attacks[which].scores["top_k_intersection"].mean() for which in (BEFORE, AFTER)]
    if found.p >= SIGNIFICANT:
        words = "That may be chance"
    else:
        words = "The second's maps move further" if found.mean < 0 else STILLER
    return (
        f"Under attack, of the most important pixels of {MAP_NAMES['IG']} {stay[0]:.0%} stay in the first and "
        f"{stay[1]:.0%} in the second. {words}."
    )


def _certainty(difference, worst) -> list[str]:
    means, hits = alike(difference)[worst], right(difference)
    out = [
        f"The maps of {len(difference.explained)} images were compared: the mean share of the top pixels of "
        f"{MAP_NAMES[worst]} that both have lies between {means['low']:.0%} and {means['high']:.0%} (95 % interval).",
        f"The first is right on {hits[BEFORE].mean():.1%} and the second on {hits[AFTER].mean():.1%} of the images "
        f"(McNemar's test: {_chance(mcnemar(hits[BEFORE], hits[AFTER]))}).",
    ]
    more = against_seeds(difference, worst)
    if more is not None:
        out.append(
            f"By {MAP_NAMES[worst]}, their maps share {100 * abs(more.mean):.0f} points "
            f"{'more' if more.mean > 0 else 'fewer'} of the top pixels than those of two seeds (95 % interval "
            f"{100 * more.low:.0f} to {100 * more.high:.0f}, {_of_agreeing(difference, more.images)}, "
            f"{_chance(more.p)})."
        )
    found = fragility(difference)
    if found is not None:
        out.append(
            f"Under attack {100 * abs(found.mean):.0f} points {'fewer' if found.mean < 0 else 'more'} of the second "
            f"one's top pixels of {MAP_NAMES['IG']} stay (95 % interval of the difference {100 * found.low:.0f} to "
            f"{100 * found.high:.0f}, {found.images} images, {_chance(found.p)}). The attack is a short one: both are "
            "at most as stable as this."
        )
    return [
        *out,
        "p is how often chance alone would make a difference at least as large.",
        "Other images, other explanations and inputs that were prepared to trigger something may tell the two apart "
        "where these did not.",
    ]


def _of_agreeing(difference, images) -> str:
    """On how many images seeds count, and why on no more."""
    every = len(difference.explained)
    if images == every:
        return f"{images} images"
    return f"{images} of {every} images: on the others no other seed predicts the same class"


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
