"""The flags of a training method, and its objective."""

from collections.abc import Callable
from typing import Any

from absl import flags

from flags.parsers import define_memory, define_number, define_points
from tfrobust.checks import check_choice
from tfrobust.names import (
    ART_CHOICES,
    BALLS,
    DISSIMILARITIES,
    ER_CHOICES,
    IGR_BASES,
    IGR_SIMILARITIES,
    OBJECTIVES,
    RULES,
    SAT_CHOICES,
)
from tfrobust.objectives import make_objective

# name -> (kind or choices, help).  None is not given; what a method needs and lacks, or has no use for, is an error.
HYPER = {
    "eps": ("number", "Radius of the ball, in units of the pixel range [0, 1] (8/255, not 8)."),
    "norm": (list(BALLS), "Norm of the ball (linf unless given)."),
    "attack_steps": ("integer", "Steps of the inner maximisation."),
    "step_size": ("number", "Length of one of them, in units of the pixel range."),
    "random_start": ("bool", "Start it at a random point of the ball (true unless given)."),
    "attack_restarts": ("integer", "aat, adv_aat: runs, the best of which counts; all but the first start at random."),
    "attribution_weight": ("number", "Weight of the attribution term (the papers' lambda or beta)."),
    "ig_steps": ("integer", "Integrated Gradients points in the gradient step (m)."),
    "ig_steps_attack": ("integer", "The same in the attack step."),
    "random_points": (
        "bool",
        "RAR, cacr_wacr: draw the attack's path points anew in each iteration (false unless given).",
    ),
    "rule": (list(RULES), "RAR: end points where they are not drawn (right unless given)."),
    "layer": ("string", "RAR: attribute to the units of this layer instead of the pixels."),
    "chunk": ("points", "Path points held in memory at once (all unless given); auto: what --memory_gb allows."),
    "gamma": ("number", "ig_wasserstein: price of a squared unit of distance."),
    "q": ("number", "gradient_penalty: power of the norm (2 unless given)."),
    "kl_weight": ("number", "trades, atex: weight of the divergence (beta)."),
    "explanation_samples": ("integer", "atex: noisy copies that the explanation is averaged over (4 unless given)."),
    "softplus_beta": ("number", "art, aat, r2et, lga: beta of the softplus surrogate or of the second derivative."),
    "loss": (list(ART_CHOICES["loss"]), "art: row of its Table 5 (triplet unless given)."),
    "negative": (list(ART_CHOICES["negative"]), "art: the negative class (runner_up unless given)."),
    "attack_on": (list(ART_CHOICES["attack_on"]), "art: what the attack raises (attribution unless given)."),
    "attack_k": ("integer", "art: entries that the inner attack sees (all unless given)."),
    "anchor": (list(ART_CHOICES["anchor"]), "art: the image in the cosine, x or 2x - 1 (unit unless given)."),
    "channels": (list(ART_CHOICES["channels"]), "art: means over the channels, or every entry (all unless given)."),
    "adversarial_ratio": ("number", "madry: share of the adversarial images in the loss (1 unless given)."),
    "pair": ("bool", "art: triplets over the clean and the perturbed image."),
    "cacr_weight": ("number", "cacr_wacr: weight of CACR alone (1 unless given)."),
    "wacr_weight": ("number", "cacr_wacr: weight of WACR alone (1 unless given)."),
    "contrast": ("bool", "cacr_wacr: with KL(P_ME || P_NCA) (true unless given)."),
    "base_attribution": ("bool", "cacr_wacr: WACR weighs by the base attribution (true unless given)."),
    "change": (list(ER_CHOICES["change"]), "cacr_wacr: the change of attribution (path unless given)."),
    "zeros": (list(ER_CHOICES["zeros"]), "cacr_wacr: the set of zero products (p1 unless given)."),
    "temperature": ("number", "cacr_wacr: factor of the maps before the softmax (1 unless given)."),
    "alpha": ("number", "sat, pgd_sat, trades_sat: the chance of noise is alpha^t (the paper: 0.6^(1/10) = 0.9502)."),
    "anneal": (list(SAT_CHOICES["anneal"]), "sat, pgd_sat, trades_sat: what t counts (epoch unless given)."),
    "draw": (
        list(SAT_CHOICES["draw"]),
        "sat, pgd_sat, trades_sat: one of several maps per batch (unless given) or epoch.",
    ),
    "dissimilarity": (list(DISSIMILARITIES), "aat, adv_aat: d of two maps (pearson unless given)."),
    "similarity": (list(IGR_SIMILARITIES), "igr: s of two maps (cosine unless given)."),
    "base": (list(IGR_BASES), "igr: the loss it is added to (madry unless given)."),
    "k": ("integer", "r2et: size of the top set."),
    "margin_weight": ("number", "r2et: weight of the ranking margin."),
    "curvature_weight": ("number", "r2et: weight of the curvature."),
    "l2_weight": ("number", "lga: weight of the gradients' distance."),
    "cosine_weight": ("number", "lga: weight of their angle."),
}
DEFINE: dict[Any, Callable] = {
    "number": lambda name, text, fv: define_number(name, None, text, fv),
    "integer": lambda name, text, fv: flags.DEFINE_integer(name, None, text, flag_values=fv),
    "points": define_points,
    "bool": lambda name, text, fv: flags.DEFINE_bool(name, None, text, flag_values=fv),
    "string": lambda name, text, fv: flags.DEFINE_string(name, None, text, flag_values=fv),
}


def define(fv: flags.FlagValues) -> None:
    """Which training method, with which hyper-parameters; what a method needs and lacks is an error."""
    flags.DEFINE_string("method", None, f"Training method: {', '.join(OBJECTIVES)}. Required.", flag_values=fv)
    flags.mark_flag_as_required("method", fv)
    for name, (kind, text) in HYPER.items():
        if isinstance(kind, list):
            flags.DEFINE_enum(name, None, kind, text, flag_values=fv)
        else:
            DEFINE[kind](name, text, fv)
    define_memory(fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for a method that there is not; this costs no TensorFlow."""
    check_choice("method", fv.method, OBJECTIVES)


def from_flags(fv: flags.FlagValues):
    """The objective that the flags describe; raises InputError."""
    return make_objective(fv.method, **{name: fv[name].value for name in HYPER})
