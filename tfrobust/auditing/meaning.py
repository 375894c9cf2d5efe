"""What the verdict of an audit means for people who rely on the network, what to do next, and how sure it is."""

from typing import NamedTuple

from tfrobust.auditing.audit import Measured, cuts
from tfrobust.auditing.plan import in_pixels
from tfrobust.auditing.verdict import FRAGILE, STILL, Verdict, gain, middle, warnings


class Meaning(NamedTuple):
    """A verdict explained.

    Attributes:
        means: for whoever relies on the network.
        todo: what to do next, the most urgent first.
    """

    means: str
    todo: tuple[str, ...]


AGAIN = "Keep this report, audit every new version in the same way, and compare: a pipeline can fail where it is worse."
TRAIN = (
    "Train the network so that its explanations hold still (this library has methods for any Keras classifier), and "
    "repeat this audit."
)
MEANINGS = {
    "fragile": Meaning(
        "Whoever can change an image by so little can have this network show another explanation for the same "
        "prediction, and a person who looks at the image hardly notices. A map of this network alone is no evidence "
        "of what a prediction rests on, wherever the images may have been tampered with.",
        (
            "Do not decide anything on a single map where others supply the images, and tell those who read the maps.",
            TRAIN,
            AGAIN,
        ),
    ),
    "moves": Meaning(
        "Whoever can change an image by so little can drive a good part of the important pixels out of the explanation "
        "while the prediction stays.",
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
        ("Give more time.", "Do what is said below of each thing that was found suspicious, and repeat it.", AGAIN),
    ),
    "none": Meaning(
        "The attack moved the explanations no further than random noise did. That may be the network's strength or the "
        "attack's weakness; this audit cannot tell.",
        (),
    ),
}
NOTHING = Meaning("There was no explanation of a right prediction that could have been attacked.", ())


def meaning_of(measured: Measured, verdict: Verdict) -> Meaning:
    """The verdict explained, with what its own headline says to do."""
    return explained(verdict, bool(measured.result.maps))


def explained(verdict: Verdict, attacked: bool) -> Meaning:
    """The same for any verdict; `attacked`: there were maps to attack."""
    known = MEANINGS[verdict.grade] if attacked else NOTHING
    told = verdict.headline.partition(TO_DO)[2]
    return known._replace(todo=(f"{told[0].upper()}{told[1:]}", *known.todo)) if told else known


TO_DO = " What to do: "  # Parts, in a headline, what was found from what to do.


def certainty(measured: Measured) -> list[str]:
    """Sentences on how sure the verdict is: of how many images, in which direction it may be wrong, what was suspicious
    and what was left out."""
    out = _of_images(measured) if measured.result.maps else []
    checks = sum(len(own) for own in measured.result.flags.values())
    found = warnings(measured)
    out += found or [f"Of {checks} checks of the attack and of the maps none found anything suspicious."]
    if measured.result.maps and not measured.doubled:
        out.append("Not checked, for want of time: whether an attack of twice the steps finds more. Give more minutes.")
    return [*out, *(f"Left out, for want of time: {cut}." for cut in cuts(measured))]


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
        f"It rests on {summary['examples']} images. For images of their kind the mean share that stays lies between "
        f"{low:.0%} and {high:.0%}, and the attack moves maps {further} (95 % intervals).",
        f"An attack shows how far maps can be moved at least. A stronger one could only find that fewer pixels stay, "
        f"never that more do. The verdict is of Integrated Gradients and of changes of at most {in_pixels(eps)} alone.",
        f"The words are conventions: fragile where under {FRAGILE:.0%} stay, still where {STILL:.0%} do and nothing "
        "stood in the way of the attack.",
    ]
