"""The evaluations of the five papers by name, with the settings they print; what a paper leaves open is stated here.

    rar    PGD; IFIA top-k on IG (Tables 2, 3) and on the plain gradient (Table 4)
    art    PGD-40, -100 and l2, SPSA, spatial; IFIA from a random start, softplus beta 50; targeted manipulation; other
           maps at the attacked images; eps sweep (Tables 1, 4; Section 5; App. A.4)
    er     as rar, with Spearman, and against the natural network's maps (Tables 1 to 3, 8)
    far    PGD and IFIA of 7 steps, 3 restarts, softplus' second derivative alone; IG and |gradient| (Tables 1, 4)
    sat    PGD-5 over eps, PGD-20 and -40, uniform noise, TRADES' attack, the saliency attack (Tables 1, 4, 6; Fig. 2)
    full   every kind of attack there is, on IG

eps and k belong to the data set (Budget); eps above 1 is 1.  In rar and er the attack runs once, not three times from
the same start.  er without a natural network is rar.  In art maps are RAR's, the true class' logit; what ART's released
code measures, IG of the loss by trapezoids with the mean of the channels, is scored beside them ("IG of the loss"); its
Kendall over the top-k positions alone is not.
"""

from dataclasses import replace
from typing import NamedTuple, Optional

from tfrobust.attacks import AttackSpec
from tfrobust.attributions import AttributionSpec
from tfrobust.checks import check_choice
from tfrobust.evaluation.suite import Suite
from tfrobust.names import SUITES
from tfrobust.types import InputError

PIXEL = 1 / 255


class Budget(NamedTuple):
    """eps of all attacks; pgd: steps, step size; ifia: steps, step size; k of the attack; k of the measure; far_k,
    far_eps: FAR's."""

    eps: float
    pgd: tuple
    ifia: tuple
    k_attack: int
    k: int
    far_k: int
    far_eps: Optional[float] = None


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


def budget(dataset: str, shape, eps: Optional[float] = None) -> Budget:
    """The papers' budget for a data set; for any other one of images (H, W, C) an eighth of the pixels as k and, unless
    eps is given, an error.  A given eps takes the step sizes along."""
    pixels = shape[0] * shape[1]
    if eps is not None:
        AttackSpec("noise", eps)  # Refuses an eps that no attack can have.
    if dataset not in BUDGETS:
        if eps is None:
            raise InputError(f"no paper has settings for {dataset}: give --eps")
        k = max(1, pixels // 8)
        return Budget(eps, (40, eps / 4), (50, eps / 8), k, k, k)
    own = BUDGETS[dataset]
    if eps is None:
        return own
    factor = eps / own.eps
    scaled = {name: (steps, size * factor) for name, (steps, size) in {"pgd": own.pgd, "ifia": own.ifia}.items()}
    return own._replace(eps=eps, far_eps=eps, **scaled)


def _pgd(eps, steps, size, **options):
    return AttackSpec("pgd", eps, steps=steps, step_size=size, random_start=True, **options)


def _ifia(b, **options):
    steps, size = b.ifia
    return AttackSpec("ifia_top_k", b.eps, steps=steps, step_size=size, k=b.k_attack, **options)


def rar(b: Budget) -> Suite:
    ig = AttributionSpec(k=b.k)
    return Suite(
        "rar",
        {f"PGD-{b.pgd[0]}": _pgd(b.eps, *b.pgd)},
        {"IFIA on IG": (ig, _ifia(b)), "IFIA on the gradient": (replace(ig, method="gradient"), _ifia(b))},
    )


def er(b: Budget) -> Suite:
    return replace(rar(b), name="er")


def art(b: Budget) -> Suite:
    ig = AttributionSpec(k=b.k)
    size = b.eps / 4
    norm = b.eps * 255 / 8  # The l2 ball of 1.0 belongs to eps 8/255; it grows and shrinks with it.
    attack = _ifia(b, softplus_beta=50.0, random_start=True)
    manipulation = replace(attack, method="manipulation", random_start=False, criterion="target")
    sweep = {f"IFIA at {part:g} eps": (ig, _scaled(attack, part)) for part in (0.25, 0.5, 1.5)}
    return Suite(
        "art",
        {
            "PGD-40": _pgd(b.eps, 40, size),
            "PGD-100": _pgd(b.eps, 100, size),
            "PGD-40 l2": _pgd(norm, 40, norm / 10, norm="l2"),
            "SPSA": AttackSpec("spsa", b.eps, steps=20, step_size=size, loss="margin"),
            "spatial": AttackSpec("spatial", 0.0),
        },
        {"IFIA on IG": (ig, attack), "manipulation": (ig, manipulation), **sweep},
        transfer={
            "gradient": replace(ig, method="gradient"),
            "grad_shap": replace(ig, method="grad_shap"),
            "IG of the loss": replace(ig, score="loss", rule="trapezoid", channels="mean"),
        },
    )


def _scaled(attack, part):
    return replace(attack, eps=min(part * attack.eps, 1.0), step_size=part * attack.step_size)


def far(b: Budget) -> Suite:
    eps = b.far_eps or b.eps
    attack = AttackSpec("ifia_top_k", eps, steps=7, step_size=1.2 / 7 * eps, k=b.far_k, restarts=3, curvature_only=True)
    ig = AttributionSpec(k=b.far_k)
    return Suite(
        "far",
        {"PGD-40": _pgd(eps, 40, 0.03 * eps, restarts=3)},
        {"IFIA on IG": (ig, attack), "IFIA on SM": (replace(ig, method="gradient"), attack)},
    )


def sat(b: Budget) -> Suite:
    predictions = {}
    for part in (1, 2, 3, 4):
        eps = part / 8 * b.eps
        predictions[f"PGD-5 at {part}/8 eps"] = AttackSpec("pgd", eps, steps=5, step_size=b.eps / 4)
        for steps in (20, 40):
            predictions[f"PGD-{steps} at {part}/8 eps"] = AttackSpec("pgd", eps, steps=steps, step_size=b.eps / 4)
    for part in (8, 16, 32):
        predictions[f"noise at {part}/8 eps"] = AttackSpec("noise", min(part / 8 * b.eps, 1.0))
    for part in (2, 3, 4):
        eps = part / 8 * b.eps
        predictions[f"TRADES at {part}/8 eps"] = AttackSpec("trades", eps, steps=5, step_size=b.eps / 4)
    for part in (2, 4, 8, 16, 32):
        eps = min(part / 8 * b.eps, 1.0)
        predictions[f"saliency at {part}/8 eps"] = AttackSpec(
            "pgd", eps, steps=1, step_size=eps, loss="negative_logit", keep="last"
        )
    ig = AttributionSpec(k=b.k)
    return Suite("sat", predictions, {"IFIA on IG": (ig, _ifia(b))})


def full(b: Budget) -> Suite:
    ig = AttributionSpec(k=b.k)
    attack = _ifia(b)
    methods = ("gradient", "smoothgrad", "guided_backpropagation", "grad_cam_plus_plus")
    predictions = {
        "FGSM": AttackSpec("pgd", b.eps, steps=1, step_size=b.eps, keep="last"),
        "PGD": _pgd(b.eps, *b.pgd),
        "PGD margin, 3 restarts": _pgd(b.eps, *b.pgd, loss="margin", restarts=3),
        "TRADES": AttackSpec("trades", b.eps, steps=b.pgd[0], step_size=b.pgd[1]),
        "saliency": AttackSpec("pgd", b.eps, steps=1, step_size=b.eps, loss="negative_logit", keep="last"),
        "SPSA": AttackSpec("spsa", b.eps, steps=20, step_size=b.eps / 4, loss="margin"),
        "noise": AttackSpec("noise", b.eps, restarts=10),
        "spatial": AttackSpec("spatial", 0.0),
    }
    targeted = {"criterion": "target"}
    attributions = {
        "IFIA top-k": (ig, attack),
        "IFIA top-k, 3 restarts": (ig, replace(attack, restarts=3)),
        "IFIA top-k, beta 30": (ig, replace(attack, softplus_beta=30.0)),
        "IFIA top-k, curvature only": (ig, replace(attack, curvature_only=True)),
        "IFIA top-k, label kept": (ig, replace(attack, keep_label=True)),
        "IFIA mass center": (ig, replace(attack, method="ifia_mass_center")),
        "IFIA target": (ig, replace(attack, method="ifia_target", **targeted)),
        "IFIA random": (ig, replace(attack, method="ifia_random")),
        "manipulation": (ig, replace(attack, method="manipulation", **targeted)),
    }
    return Suite("full", predictions, attributions, transfer={method: replace(ig, method=method) for method in methods})


def make_suite(name: str, dataset: str, shape, eps: Optional[float] = None) -> Suite:
    """The suite called `name` for images of shape (H, W, C) of a data set; eps: instead of the paper's."""
    check_choice("suite", name, SUITES)
    return SUITES[name](budget(dataset, shape, eps))
