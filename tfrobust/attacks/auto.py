"""The ensemble `auto`: attacks on maps that fail for different reasons, with no parameter to tune but the budget.

    noise              what needs no attack
    rank               soft Kendall, the label held: Kendall and Spearman
    rank, smooth       the same along a surrogate with softplus throughout: where second derivatives alone lead nowhere
    rank, smoother     the same with a softer one
    rank, label free   the same, iterates that lose the label are passed through: where holding it ends the way early
    spearman           soft Spearman
    top-k              pairs across the k-th boundary: top-k intersection
    top-k, smooth      the same along a surrogate with softplus throughout
    top-k margin       the boundary itself
    towards            the order of the map of another class: out of local maxima of the others
    mass center        a map that moves as a whole
    squares            asks for maps and predictions alone: masked gradients

All that follow gradients take APGD's steps from random points of the ball; all but the smooth ones follow the network's
own map with softplus' second derivative, and so see what is measured.
"""

from typing import NamedTuple

from tfrobust.attacks.ensemble import Ensemble
from tfrobust.attacks.goals import MassCenter, TopKMargin
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.map_attack import MapAttack
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.pair_goals import SoftKendall, SoftSpearman, TopKPairs, TowardsOrder
from tfrobust.attacks.squares import Squares
from tfrobust.checks import check_choice
from tfrobust.names import AUTO_LEVELS

FIRST_STEP = 2.0  # Of APGD, in eps.
PATH_POINTS = 10  # Of Integrated Gradients in the attacks' own map.
BETAS = (3.0, 10.0, 30.0, 100.0)  # Of the second derivative, tried on each network.
BETA = 30.0  # Where none is tried.
SMOOTH_BETA, SMOOTHER_BETA = 10.0, 3.0  # Of surrogates with softplus throughout.
TARGETS = 3  # Maps of other classes.
FLOOR = 0.02  # An image with all its measures below this has nothing left to lose.


class Level(NamedTuple):
    """Steps of a run, queries of squares, draws of noise, and betas that are tried."""

    steps: int
    squares: int
    noise: int
    betas: tuple[float, ...] = ()


_BUDGETS = Level(40, 100, 10), Level(40, 200, 100, BETAS), Level(60, 1000, 100, BETAS)
LEVELS = dict(zip(AUTO_LEVELS, _BUDGETS))
# Runs of each part that follows gradients, at each level; of "towards": of each target.
RUNS = {
    "rank": (2, 4, 8),
    "rank, smooth": (1, 3, 6),
    "rank, smoother": (1, 3, 6),
    "rank, label free": (0, 2, 4),
    "spearman": (0, 2, 4),
    "top-k": (2, 3, 6),
    "top-k, smooth": (2, 3, 6),
    "top-k margin": (0, 1, 2),
    "towards": (0, 1, 2),
    "mass center": (0, 0, 2),
}


def auto_ensemble(eps: float, k: int, level: str = "standard", norm: str = "linf", seed: int = 0) -> Ensemble:
    """The ensemble of a level of budget.

    Args:
        eps, norm: of the ball.
        k: size of the top-k set that is measured.
        level: quick, standard or plus.
        seed: of all draws.

    Raises:
        InputError: for an unknown level, and a ball that makes no sense.
    """
    check_choice("level of auto", level, LEVELS)
    own, ball = LEVELS[level], {"norm": norm, "seed": seed}
    parts: dict[str, MapAttack] = {"noise": Noise(eps, restarts=own.noise, **ball)}
    for name, of_levels in RUNS.items():
        runs = dict(zip(LEVELS, of_levels))[level]
        keys = [f"{name} {number + 1}" for number in range(TARGETS)] if name == "towards" else [name]
        parts.update({key: _climb(name, eps, k, own.steps, runs, ball) for key in keys if runs})
    parts["squares"] = Squares(eps, own.squares, **ball)
    return Ensemble(eps, parts, floor=FLOOR, betas=own.betas, **ball)


def top_k_climb(eps: float, k: int, steps: int, runs: int = 1, **ball) -> Ifia:
    """The part top-k alone, with so many steps in each of its runs.  ball: norm and seed."""
    return _climb("top-k", eps, k, steps, runs, ball)


def _climb(name: str, eps: float, k: int, steps: int, runs: int, ball) -> Ifia:
    kendall, smooth = {"goal": SoftKendall()}, {"softplus_beta": SMOOTH_BETA, "curvature_only": False}
    top_k = {"criterion": "intersection"}
    own = {
        "rank": kendall,
        "rank, smooth": {**kendall, **smooth},
        "rank, smoother": {**kendall, **smooth, "softplus_beta": SMOOTHER_BETA},
        "rank, label free": {**kendall, "keep_label": False},
        "spearman": {"goal": SoftSpearman(), "criterion": "spearman"},
        "top-k": {**top_k, "goal": TopKPairs(k=k)},
        "top-k, smooth": {**top_k, "goal": TopKPairs(k=k), **smooth},
        "top-k margin": {**top_k, "goal": TopKMargin(k, scale=2.0)},
        "towards": {"goal": TowardsOrder()},
        "mass center": {"goal": MassCenter()},
    }[name]
    climb = {"random_start": True, "adaptive": True, "keep_label": True, "path_points": PATH_POINTS, "restarts": runs}
    surrogate = {"softplus_beta": BETA, "curvature_only": True}
    return Ifia(eps, steps, FIRST_STEP * eps, **{**climb, **surrogate, **ball, **own})
