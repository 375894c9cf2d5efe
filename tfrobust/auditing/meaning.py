"""What the verdict of an audit means for people who rely on the network, what to do next, and how sure it is."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tfrobust.auditing.advice import MORE_MINUTES
from tfrobust.auditing.audit import Measured, cuts
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import FRAGILE, STILL, Verdict, actions_on, gain, middle, raised_in


class Meaning(NamedTuple):
    """A verdict explained.

    Attributes:
        means: for whoever relies on the network.
        todo: what to do next, the most urgent first.
    """

    means: str
    todo: tuple[str, ...]


AGAIN = (
    "Keep this report, audit every new version in the same way, and compare: an automatic check can reject a version "
    "that scores worse (--fail_if)."
)
TRAIN = (
    "Train the network so that its explanations hold still (this library has methods for any Keras classifier), and "
    "repeat this audit."
)
MEANINGS = {
    "fragile": Meaning(
        "A map of an image of unknown origin is no proof of what the network looked at: whoever made the image may "
        "have driven most of the important pixels out of the map, without changing the prediction.",
        (
            "Do not decide anything on a single map where others supply the images, and tell those who read the maps.",
            TRAIN,
            AGAIN,
        ),
    ),
    "moves": Meaning(
        "A map of an image of unknown origin is no proof of what the network looked at: whoever made the image may "
        "have driven a good part of the important pixels out of the map, without changing the prediction.",
        (
            "Do not rely on details of a single map where others supply the images.",
            "Look at the pictures below: does what moved matter for those who read the maps?",
            TRAIN,
            AGAIN,
        ),
    ),
    "holds": Meaning(
        "The attack that was made here could not move the explanations far. That is no guarantee: another attack, a "
        "larger change or other images may move them. It does not say either that the explanations are right.",
        (
            "Repeat it for longer and with larger changes before you promise anything to others.",
            "Look at the pictures below: do the maps show what they should? A map that ignores the image holds "
            "still, too.",
            AGAIN,
        ),
    ),
    "unsure": Meaning(
        "The explanations moved little, but something stood in the way of the attack. Whether they hold still or the "
        "attack failed cannot be told from this.",
        (f"{MORE_MINUTES}.", AGAIN),
    ),
    "none": Meaning(
        "The attack moved the explanations no further than random noise did. That may be the network's strength or the "
        "attack's weakness; this audit cannot tell.",
        (),
    ),
}
NOTHING = Meaning("There was no explanation of a right prediction that could have been attacked.", ())


def meaning_of(measured: Measured, verdict: Verdict) -> Meaning:
    """The verdict explained, with what its own headline and the flags that were raised say to do."""
    if not measured.result.maps:
        return explained(verdict, NOTHING)
    summary = measured.result.summary
    judged = summary[measured.plan.name_of("IG", middle(measured))]
    known = MEANINGS[verdict.grade]
    facts = [known.means, under_noise(judged), _of_predictions(summary, middle(measured))]
    return explained(verdict, known._replace(means=" ".join(facts)), actions_on(measured.result.flags))


def explained(verdict: Verdict, known: Meaning, actions: Sequence[str] = ()) -> Meaning:
    """A meaning with what else is to be done: first what the headline of the verdict says, then the `actions`."""
    told = verdict.headline.partition(TO_DO)[2], *(f"{action}." for action in actions), *known.todo
    return known._replace(todo=tuple(dict.fromkeys(f"{text[0].upper()}{text[1:]}" for text in told if text)))


def under_noise(summary: Mapping[str, Any]) -> str:
    """Whether random noise moves the maps, too; `summary`: of their task."""
    stay = summary["noise_top_k_intersection"]["mean"]
    how = "are stable" if stay >= STILL else "are not stable either"
    return f"Against random noise of the same size the maps {how} ({stay:.0%} of the top pixels stay)."


def _of_predictions(summary, eps) -> str:
    """What changes of the size of the verdict do to predictions."""
    natural, under = (summary[task]["accuracy"]["mean"] for task in ("natural", f"APGD at {in_pixels(eps)}"))
    before, after = f"{natural:.0%}", f"{under:.0%}"
    if before == after:
        return f"Changes of the same size that aim at the prediction hardly change it: accuracy stays at {after}."
    return f"Changes of the same size that aim at the prediction can turn it: accuracy falls from {before} to {after}."


TO_DO = " What to do: "  # Parts, in a headline, what was found from what to do.


def certainty(measured: Measured) -> list[str]:
    """Sentences on how sure the verdict is: of how many images, in which direction it may be wrong, what was suspicious
    and what was left out."""
    out = _of_images(measured) if measured.result.maps else []
    checks = sum(len(own) for own in measured.result.flags.values())
    found = [seen for seen, _ in raised_in(measured.result.flags)]
    out += found or [f"Of {checks} checks of the attack and of the maps none found anything suspicious."]
    if measured.result.maps and not measured.doubled:
        out.append("Not checked, for want of time: whether an attack of twice the steps finds more.")
    return [*out, *(f"For want of time: {cut}." for cut in cuts(measured))]


def _of_images(measured) -> list[str]:
    eps = middle(measured)
    task = measured.plan.name_of("IG", eps)
    summary, points = measured.result.summary[task], gain(measured.result.records, task)
    stay = summary["top_k_intersection"]
    low, high = max(stay["low"], 0.0), min(stay["high"], 1.0)
    further = (
        f"{100 * points['low']:.0f} to {100 * points['high']:.0f} points further than noise"
        if points["low"] > 0
        else "perhaps no further than noise"
    )
    return [
        f"It rests on {summary['examples']} images. For images of their kind {low:.0%} to {high:.0%} of the top pixels "
        f"stay in the mean under this attack, which moves maps {further} (95 % intervals). The intervals cover the "
        "choice of images, not the strength of the attack: under a stronger one fewer may stay, never more.",
        where_output_held(measured.result.outputs[task]["top_k_intersection"]["same_output"], stay["mean"]),
        f"The verdict is of Integrated Gradients and of changes of at most {in_pixels(eps)} alone.",
        f"The words are conventions: fragile where under {FRAGILE:.0%} of the top pixels stay, moved in part where "
        f"{FRAGILE:.0%} to {STILL:.0%} do, held still where {STILL:.0%} or more do, an attack of twice the steps was "
        "tried, and no check suggests that the attack was hindered.",
    ]


def where_output_held(held: Mapping[str, Any], of_all: float) -> str:
    """A sentence on the top pixels that stay where the attack changed the image and hardly the output.

    Args:
        held: what `output_change.conditional_scores` says of the images whose output stayed the same.
        of_all: the mean share of top pixels that stay on all images.
    """
    limit = f"that moves the probabilities by no more than {100 * held['limit']:.0f} points in all"
    if held["changed_scores"] is None:
        return (
            f"On none of the {held['of']} images did the attack find a change {limit}: how the maps move while the "
            "output holds still was not seen."
        )
    return (
        f"On {held['changed']} of the {held['of']} images the attack found a change {limit}; there "
        f"{held['changed_scores']['mean']:.0%} of the top pixels stay, on all images {of_all:.0%}."
    )
