"""Default hyper-parameters of the training methods, for users who choose none.

Weights, steps and step lengths (as multiples of eps) are those of the papers' experiments on photographs (the
flagfiles in flags/); for R2ET, LGA, IGR, ATEX, the gradient penalty and the Wasserstein form they are those of
flags/digits.  Integrated Gradients has fewer points than in the papers (10 and 5 instead of up to 50), which is several
times faster.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfrobust.checks import check_choice
from tfrobust.names import OBJECTIVES

# Values that all methods share; OWN has what a single method takes instead or in addition.
COMMON = {"attack_steps": 7, "ig_steps": 10, "ig_steps_attack": 5, "alpha": 0.9502}
STEP = 0.25  # Step size of the inner attack, as a multiple of eps.
OWN = {
    "trades": {"attack_steps": 5, "kl_weight": 6.0},
    "trades_noise": {"attack_steps": 5, "kl_weight": 1.0},
    "trades_sat": {"attack_steps": 5, "kl_weight": 1.0},
    "gradient_penalty": {"attribution_weight": 0.1},
    "ig_norm": {"attribution_weight": 0.1},
    "ig_sum_norm": {"attribution_weight": 0.1},
    "ig_wasserstein": {"attribution_weight": 0.3, "gamma": 0.1},
    "art": {"attack_steps": 3, "attribution_weight": 0.5, "softplus_beta": 50.0},
    "cacr_wacr": {"attribution_weight": 1.0},
    "aat": {"attribution_weight": 2.0},
    "adv_aat": {"attribution_weight": 0.5},
    "igr": {"attribution_weight": 1.0},
    "r2et": {"margin_weight": 0.1, "curvature_weight": 0.01, "softplus_beta": 10.0},
    "atex": {"attack_steps": 0, "kl_weight": 6.0},
    "lga": {"l2_weight": 0.1, "cosine_weight": 1.0, "softplus_beta": 10.0},
}
STEPS = {"art": 1.5 / 8, "aat": 1.2 / 7, "adv_aat": 1.2 / 7}  # Methods with another one.


def defaults(name: str, eps: float, shape: Sequence[int | None]) -> dict[str, Any]:
    """Values of the hyper-parameters that a training method requires, to be handed to make_objective.

    Args:
        name: one of names.OBJECTIVES.
        eps: radius of the ball, in units of the pixel range [0, 1].
        shape: of the images, (H, W, C); where H or W is None, a method that needs k gets none.

    Returns:
        Hyper-parameters by name.

    Raises:
        InputError: for an unknown name.
    """
    check_choice("method", name, OBJECTIVES)
    pool = {**COMMON, "eps": eps, "step_size": STEPS.get(name, STEP) * eps, **OWN.get(name, {})}
    height, width = shape[:2]
    if height is not None and width is not None:
        pool["k"] = max(1, height * width // 8)
    fields = [f for f in dataclasses.fields(OBJECTIVES[name]) if f.init and f.default is dataclasses.MISSING]
    return {f.name: pool[f.name] for f in fields if f.name in pool}
