"""The evaluations of the five papers by name, with the settings they print; what a paper leaves open is stated here.

    rar    PGD; IFIA top-k on IG (Tables 2, 3) and on the plain gradient (Table 4)
    art    PGD-40, -100 and l2, SPSA, spatial; IFIA from a random start, softplus beta 50; targeted manipulation; other
           maps at the attacked images; eps sweep (Tables 1, 4; Section 5; App. A.4)
    er     as rar with 50 points of IG, with Spearman, and against the natural network's maps (Tables 1 to 3, 8)
    far    PGD and IFIA of 7 steps, 3 restarts, softplus' second derivative alone; IG and |gradient| (Tables 1, 4)
    sat    PGD-5 over eps, PGD-20 and -40, uniform noise, TRADES' attack, the saliency attack (Tables 1, 4, 6; Fig. 2)
    full   every kind of attack there is, on IG; on predictions AutoAttack takes the place of PGD
    auto   PGD, and on IG the strongest attack on maps there is: an ensemble (attacks/auto.py) at three levels of budget
    autoattack  AutoAttack on predictions (attacks/autoattack.py), and no map
    certified  PGD in l2, and the strongest climb on the cosine of uniformly smoothed gradients, at four radii in l2,
           beside the cosine that is certified (attributions/uniform_smoothing.py)

eps and k belong to the data set (Budget); eps above 1 is 1.  In the papers' suites PGD's last iterate counts, as in
their codes (far: the worst last one of three restarts), and noise is one draw; full and auto keep what is worst.  art
takes ART's 1,000 random images for its maps and for SPSA.  In rar and er the attack on maps runs once, not three times
from the same start.  In art maps are RAR's, the true class' logit; what ART's released code measures, IG of the loss
by trapezoids with the mean of the channels, is scored beside them ("IG of the loss"); its Kendall over the top-k
positions alone is not.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tfrobust.attacks import (
    AutoAttack,
    Cosine,
    Dual,
    Ifia,
    Manipulation,
    MassCenter,
    Noise,
    Pgd,
    PredictionAttack,
    RandomSigns,
    Sparse,
    Spatial,
    Spsa,
    Target,
    TopK,
    TradesAttack,
    Universal,
    auto_ensemble,
)
from tfrobust.attributions import MapSpec, make_map
from tfrobust.checks import check_choice
from tfrobust.errors import InputError
from tfrobust.evaluation import MapTask, Suite
from tfrobust.names import AUTO_TASK, AUTOATTACK_TASK, SUITES
from tfrobust.similarity import Comparison

PIXEL = 1 / 255
ART_EXAMPLES = 1000  # Random test images, of which ART reports maps and SPSA (4.1, 5).
SPARSE_PIXELS = 10
SMOOTHED_SAMPLES = 16  # Of the smoothed map that is attacked; the certificate takes 1,000 draws of its own.


class Budget(NamedTuple):
    """The settings of a data set's attacks.

    Attributes:
        eps: of all attacks.
        pgd: (steps, step size).
        ifia: (steps, step size).
        k_attack: size of the top-k set that is attacked.
        k: size of the one that is measured.
        far_k, far_eps: FAR's; far_eps None: eps.
    """

    eps: float
    pgd: tuple
    ifia: tuple
    k_attack: int
    k: int
    far_k: int
    far_eps: float | None = None


BUDGETS = {
    "mnist": Budget(0.3, (100, 0.01), (100, 0.01), 200, 100, 50),
    "fashion_mnist": Budget(0.1, (100, 0.01), (100, 0.01), 100, 100, 50),
    "gtsrb": Budget(8 * PIXEL, (40, 2 * PIXEL), (50, PIXEL), 100, 100, 100, 0.03),
    "flower17": Budget(8 * PIXEL, (40, 2 * PIXEL), (100, PIXEL), 1000, 1000, 1000),
    "cifar10": Budget(8 * PIXEL, (40, 2 * PIXEL), (50, PIXEL), 100, 100, 100, 0.03),
    "cifar100": Budget(8 * PIXEL, (40, 2 * PIXEL), (50, PIXEL), 100, 100, 100),
    "svhn": Budget(8 * PIXEL, (40, 2 * PIXEL), (50, PIXEL), 100, 100, 100),
    "tiny_imagenet": Budget(8 * PIXEL, (40, 2 * PIXEL), (50, PIXEL), 100, 100, 100),
    "restricted_imagenet": Budget(0.01, (40, 0.0025), (50, 0.00125), 300, 300, 300),
    "cub200": Budget(2 * PIXEL, (40, 0.5 * PIXEL), (50, 0.25 * PIXEL), 1000, 1000, 1000),
    "digits": Budget(0.3, (40, 0.03), (40, 0.03), 24, 24, 16),
}


def budget(dataset: str, shape: Sequence[int], eps: float | None = None) -> Budget:
    """The papers' settings for a data set.

    Args:
        dataset: a name of BUDGETS, or any other; then k is an eighth of the pixels, and eps must be given.
        shape: (H, W, C) of its images.
        eps: takes the place of the paper's, and the step sizes along; None: the paper's.

    Raises:
        InputError: for an eps that no attack can have, and for a data set without settings where none is given.
    """
    pixels = shape[0] * shape[1]
    if eps is not None:
        Noise(eps)  # Refuses an eps that no attack can have.
    if dataset not in BUDGETS:
        if eps is None:
            raise InputError(f"no paper has settings for {dataset}: give --eps")
        k = max(1, pixels // 8)
        return Budget(eps, (40, eps / 4), (50, eps / 8), k, k, k)
    own = BUDGETS[dataset]
    if eps is None:
        return own
    factor = eps / own.eps
    scaled: dict[str, Any] = {
        name: (steps, size * factor) for name, (steps, size) in {"pgd": own.pgd, "ifia": own.ifia}.items()
    }
    return own._replace(eps=eps, far_eps=eps, **scaled)


def _pgd(eps, steps, size, **options) -> Pgd:
    return Pgd(eps, steps, size, **{"random_start": True, "keep": "last", **options})


def _fgsm(eps, **options) -> Pgd:
    return Pgd(eps, 1, eps, keep="last", **options)


def _ifia(b, **options) -> Ifia:
    return Ifia(b.eps, *b.ifia, **{"goal": TopK(b.k_attack), **options})


def rar(b: Budget) -> Suite:
    """RAR's evaluation, with the settings `b` of a data set."""
    of, attack = Comparison(b.k), _ifia(b)
    maps = {"IFIA on IG": MapSpec(), "IFIA on the gradient": make_map("gradient")}
    maps = {name: MapTask(spec, attack, of) for name, spec in maps.items()}
    return Suite("rar", {f"PGD-{b.pgd[0]}": _pgd(b.eps, *b.pgd)}, maps)


def er(b: Budget) -> Suite:
    """ER's evaluation, with the settings `b` of a data set."""
    suite = rar(b)
    on_ig = replace(suite.first_task, map=make_map(steps=50))
    return replace(suite, name="er", attributions={**suite.attributions, "IFIA on IG": on_ig})


def art(b: Budget) -> Suite:
    """ART's evaluation, with the settings `b` of a data set."""
    size = b.eps / 4
    norm = b.eps * 255 / 8  # The l2 ball of 1.0 belongs to eps 8/255; it grows and shrinks with it.
    attack = _ifia(b, softplus_beta=50.0, random_start=True)
    on_ig = MapTask(MapSpec(), attack, Comparison(b.k))
    manipulation = replace(attack, goal=Manipulation(), random_start=False, criterion="target")
    sweep = {f"IFIA at {part:g} eps": replace(on_ig, attack=_scaled(attack, part)) for part in (0.25, 0.5, 1.5)}
    return Suite(
        "art",
        {
            "PGD-40": _pgd(b.eps, 40, size),
            "PGD-100": _pgd(b.eps, 100, size),
            "PGD-40 l2": _pgd(norm, 40, norm / 10, norm="l2"),
            "SPSA": Spsa(b.eps, 20, size, loss="margin"),
            "spatial": Spatial(),
        },
        {"IFIA on IG": on_ig, "manipulation": replace(on_ig, attack=manipulation), **sweep},
        transfer={
            "gradient": make_map("gradient"),
            "grad_shap": make_map("grad_shap"),
            "IG of the loss": make_map(score="loss", rule="trapezoid", channels="mean"),
        },
        attribution_examples=ART_EXAMPLES,
        prediction_examples={"SPSA": ART_EXAMPLES},
    )


def _scaled(attack, part):
    return replace(attack, eps=min(part * attack.eps, 1.0), step_size=part * attack.step_size)


def far(b: Budget) -> Suite:
    """FAR's evaluation, with the settings `b` of a data set."""
    eps, of = b.far_eps or b.eps, Comparison(b.far_k)
    attack = Ifia(eps, 7, 1.2 / 7 * eps, goal=TopK(b.far_k), restarts=3, curvature_only=True)
    return Suite(
        "far",
        {"PGD-40": _pgd(eps, 40, 0.03 * eps, restarts=3)},
        {"IFIA on IG": MapTask(MapSpec(), attack, of), "IFIA on SM": MapTask(make_map("gradient"), attack, of)},
    )


def sat(b: Budget) -> Suite:
    """SAT's evaluation, with the settings `b` of a data set."""
    predictions: dict[str, PredictionAttack] = {}
    for part in (1, 2, 3, 4):
        for steps in (5, 20, 40):
            predictions[f"PGD-{steps} at {part}/8 eps"] = _pgd(part / 8 * b.eps, steps, b.eps / 4, random_start=False)
    for part in (8, 16, 32):
        predictions[f"noise at {part}/8 eps"] = Noise(min(part / 8 * b.eps, 1.0), keep="last")
    for part in (2, 3, 4):
        predictions[f"TRADES at {part}/8 eps"] = TradesAttack(part / 8 * b.eps, 5, b.eps / 4, keep="last")
    for part in (2, 4, 8, 16, 32):
        predictions[f"saliency at {part}/8 eps"] = _fgsm(min(part / 8 * b.eps, 1.0), loss="negative_logit")
    return Suite("sat", predictions, {"IFIA on IG": MapTask(MapSpec(), _ifia(b), Comparison(b.k))})


def full(b: Budget) -> Suite:
    """Every kind of attack there is, on IG, with the settings `b` of a data set."""
    attack = _ifia(b)
    predictions = {
        "FGSM": _fgsm(b.eps),
        AUTOATTACK_TASK: AutoAttack(b.eps),
        "TRADES": TradesAttack(b.eps, *b.pgd),
        "saliency": _fgsm(b.eps, loss="negative_logit"),
        "SPSA": Spsa(b.eps, 20, b.eps / 4, loss="margin"),
        "noise": Noise(b.eps, restarts=10),
        "spatial": Spatial(),
        "dual": Dual(b.eps, *b.pgd),
    }
    attacks = {
        "IFIA top-k": attack,
        "IFIA top-k, 3 restarts": replace(attack, restarts=3),
        "IFIA top-k, beta 30": replace(attack, softplus_beta=30.0),
        "IFIA top-k, curvature only": replace(attack, curvature_only=True),
        "IFIA top-k, label kept": replace(attack, keep_label=True),
        "IFIA mass center": replace(attack, goal=MassCenter()),
        "IFIA target": replace(attack, goal=Target(b.k_attack), criterion="target"),
        "IFIA random": replace(attack, goal=RandomSigns()),
        "manipulation": replace(attack, goal=Manipulation(), criterion="target"),
        "sparse": Sparse(1.0, SPARSE_PIXELS, goal=TopK(b.k_attack)),
        "universal": Universal(b.eps, *b.ifia, goal=TopK(b.k_attack)),
    }
    maps = {name: MapTask(MapSpec(), own, Comparison(b.k)) for name, own in attacks.items()}
    methods = ("gradient", "smoothgrad", "guided_backpropagation", "grad_cam_plus_plus")
    transfer = {method: make_map(method) for method in methods}
    return Suite("full", predictions, maps, transfer=transfer, referenced=True)


def auto(b: Budget, level: str = "standard") -> Suite:
    """PGD, and on IG the ensemble auto, with the settings `b` of a data set; `level`: of the ensemble's budget."""
    task = MapTask(MapSpec(), auto_ensemble(b.eps, b.k, level), Comparison(b.k))
    pgd = {f"PGD-{b.pgd[0]}": _pgd(b.eps, *b.pgd, keep="best")}
    return Suite("auto", pgd, {AUTO_TASK: task}, referenced=True)


def certified(b: Budget) -> Suite:
    """Attacks in l2 on uniformly smoothed gradients and their certificate, with the settings `b` of a data set.

    eps is the largest radius in l2.  The smoothing goes with it: the standard deviation of each pixel's noise is eps,
    and so its radius is eps times the root of the number of dimensions, by which `make_suite` multiplies it.
    """
    attack = Ifia(
        b.eps,
        20,
        b.eps,
        norm="l2",
        goal=Cosine(),
        random_start=True,
        adaptive=True,
        keep_label=True,
        criterion="cosine",
    )
    attack = replace(attack, curvature_only=True, softplus_beta=30.0, restarts=2)
    task = MapTask(make_map("uniformly_smoothed", samples=SMOOTHED_SAMPLES, radius=b.eps), attack, Comparison(b.k))
    sweep = {f"cosine at {part:g} eps": replace(task, attack=_scaled(attack, part)) for part in (0.125, 0.25, 0.5, 1.0)}
    pgd = Pgd(b.eps, 40, b.eps / 10, norm="l2", random_start=True)
    return Suite("certified", {"PGD-40 l2": pgd}, sweep)


def _smoothed_for(suite: Suite, shape: Sequence[int]) -> Suite:
    """The suite certified for images of shape (H, W, C): noise of standard deviation eps on each pixel."""
    factor = np.sqrt(np.prod(shape))

    def wider(task):
        method = task.map.attribution
        return replace(task, map=replace(task.map, attribution=replace(method, radius=float(factor * method.radius))))

    return replace(suite, attributions={name: wider(task) for name, task in suite.attributions.items()})


def autoattack(b: Budget, version: str = "standard", norm: str = "linf") -> Suite:
    """AutoAttack on predictions, with the eps of the settings `b`; `version`: standard, plus or rand."""
    attack = AutoAttack(b.eps, version=version, norm=norm)
    return Suite("autoattack", {attack.name: attack}, doubled=0, faithful=False, aligned=False)


def make_suite(
    name: str,
    dataset: str,
    shape: Sequence[int],
    eps: float | None = None,
    *,
    level: str | None = None,
    version: str | None = None,
    norm: str | None = None,
) -> Suite:
    """The suite called `name` for images of a data set.

    Args:
        name: one of SUITES.
        dataset: its name, see `budget`.
        shape: (H, W, C) of its images.
        eps: instead of the paper's; None: the paper's.
        level: of the budget of auto, one of `names.AUTO_LEVELS`; standard unless given.
        version: of autoattack, one of `names.AUTOATTACK_VERSIONS`; standard unless given.
        norm: of autoattack's ball, linf or l2; linf unless given.

    Raises:
        InputError: for an unknown name, an option of another suite, and a data set without settings where eps is not
          given, or a ball in l2: the settings are for l-infinity.
    """
    check_choice("suite", name, SUITES)
    options = {"level": level, "version": version, "norm": norm}
    options = {key: value for key, value in options.items() if value is not None}
    for option in options:
        if OPTIONS[option] != name:
            raise InputError(f"suite {name} has no {option}: only {OPTIONS[option]} has")
    if norm == "l2" and eps is None:
        raise InputError("the settings of data sets are for l-infinity: give --eps with --norm=l2")
    own = budget(dataset, shape, min(eps, 1.0))._replace(eps=eps) if norm == "l2" else budget(dataset, shape, eps)
    suite = SUITES[name](own, **options)
    return _smoothed_for(suite, shape) if name == "certified" else suite


OPTIONS = {"level": "auto", "version": "autoattack", "norm": "autoattack"}  # The suites that have them.
