"""The ensemble `auto`: attacks on maps that fail for different reasons, with no parameter to tune but the budget.

Its parts, with the goal that each raises and why it is there:

    noise              random points: shows what needs no attack
    rank               soft Kendall, steps that lose the label are shortened: lowers Kendall and Spearman
    rank, smooth       the same along a surrogate with softplus throughout: helps where second derivatives lead nowhere
    rank, smoother     the same with a softer softplus
    rank, label free   the same as rank, through iterates that lose the label: helps where keeping it ends the way early
    spearman           soft Spearman
    top-k              the order of pairs across the k-th boundary: lowers top-k intersection
    top-k, smooth      the same along a surrogate with softplus throughout
    top-k margin       soft top-k intersection: moves values across the k-th boundary itself
    towards            the order of another class's map: leads out of local maxima of the other goals
    mass center        the centre of mass: finds maps that move as a whole
    squares            asks for maps and predictions alone: finds out masked gradients

All parts that follow gradients take APGD's steps from random points of the ball.  All of them but the smooth ones
follow the network's own map with softplus' second derivative, and so follow the very map that is measured.
"""

from typing import Any, NamedTuple

from tfrobust.attacks.ensemble import Ensemble
from tfrobust.attacks.goals import MassCenter, TopKMargin
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.map_attack import MapAttack
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.pair_goals import SoftKendall, SoftSpearman, TopKPairs, TowardsOrder
from tfrobust.attacks.squares import Squares
from tfrobust.checks import check_choice
from tfrobust.names import AUTO_LEVELS

FIRST_STEP = 2.0  # Length of APGD's first step, in eps.
PATH_POINTS = 10  # Path points of Integrated Gradients in the map that the attacks themselves follow.
BETAS = (3.0, 10.0, 30.0, 100.0)  # Sharpness of softplus' second derivative: the values tried on each network.
BETA = 30.0  # The same at levels where none are tried.
SMOOTH_BETA, SMOOTHER_BETA = 10.0, 3.0  # Sharpness in surrogates with softplus throughout.
TARGETS = 3  # Maps of other classes that "towards" drives to.
FLOOR = 0.02  # An image all of whose measures have fallen to this is not attacked any further.


class Level(NamedTuple):
    """What a level of budget spends.

    Attributes:
        steps: of each run that follows a gradient.
        squares: queries of the part squares.
        noise: draws of the part noise.
        betas: of the second derivative, tried on each network; empty: BETA is taken.
    """

    steps: int
    squares: int
    noise: int
    betas: tuple[float, ...] = ()


_BUDGETS = Level(40, 100, 10), Level(40, 200, 100, BETAS), Level(60, 1000, 100, BETAS)
LEVELS = dict(zip(AUTO_LEVELS, _BUDGETS))
# Runs of each part that follows gradients, at each level; for "towards", runs for each target.
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
    """The ensemble of attacks `auto`, with the parts and steps of a level of budget.

    Args:
        eps: radius of the ball, in units of the pixel range [0, 1].
        k: size of the top-k set that is measured, in pixels.
        level: quick, standard or plus.
        norm: of the ball, linf or l2.
        seed: random seed of all draws.

    Raises:
        InputError: for an unknown level, and a ball that makes no sense.
    """
    check_choice("level of auto", level, LEVELS)
    own = LEVELS[level]
    ball: dict[str, Any] = {"norm": norm, "seed": seed}
    parts: dict[str, MapAttack] = {"noise": Noise(eps, restarts=own.noise, **ball)}
    for name, of_levels in RUNS.items():
        runs = dict(zip(LEVELS, of_levels))[level]
        keys = [f"{name} {number + 1}" for number in range(TARGETS)] if name == "towards" else [name]
        parts.update({key: _climb(name, eps, k, own.steps, runs=runs, ball=ball) for key in keys if runs})
    parts["squares"] = Squares(eps, own.squares, **ball)
    return Ensemble(eps, parts, floor=FLOOR, betas=own.betas, **ball)


def top_k_climb(eps: float, k: int, steps: int, runs: int = 1, **ball: Any) -> Ifia:
    """The part top-k of the ensemble alone.

    Args:
        eps: radius of the ball, in units of the pixel range [0, 1].
        k: size of the top-k set, in pixels.
        steps: of each run.
        runs: number of runs, of which the best counts.
        **ball: norm and seed, as for `auto_ensemble`.
    """
    return _climb("top-k", eps, k, steps, runs=runs, ball=ball)


def _climb(name: str, eps: float, k: int, steps: int, *, runs: int, ball) -> Ifia:
    kendall = {"goal": SoftKendall()}
    smooth: dict[str, Any] = {"softplus_beta": SMOOTH_BETA, "curvature_only": False}
    top_k = {"criterion": "intersection"}
    own: dict[str, Any] = {
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
