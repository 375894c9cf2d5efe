"""Budgets of a reproduction: a paper's own plan, one for two cores, and one that only shows that everything runs.

A budget caps what a row asks for and changes nothing that lies below: steps, network, images, points of the path,
steps of the attacks.  An attack with fewer steps takes longer ones, so that the way it can go stays as long, within the
ball.  What a budget changed is written beside every result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from tfrobust.spec_values import names_of, replace_known

if TYPE_CHECKING:
    from tfrobust.evaluation import MapTask, Suite
    from tfrobust.experiments.recipe import Recipe

# The factor for the width of a network at the cpu budget, 1/4 unless named: networks differ in size a thousandfold.
WIDTHS = {
    "wrn_28_10": 0.1,
    "wrn_40_2": 0.5,
    "rar_resnet3": 1.0,
    "rar_resnet6": 1.0,
    "resnet50_imagenet": 0.125,
    "resnet50_imagenet_adl": 0.125,
}


class Budget(NamedTuple):
    """What a budget caps; each number is a most, of which a row may ask for less.

    Attributes:
        steps, batch_size: of training, with Adam at a constant rate.
        width: factor for the width of networks that are not in WIDTHS.
        image_size: largest side of the images, in pixels.
        attack_steps, ig_steps, ig_steps_attack: of training.
        examples, attribution_examples: test images, and those of them whose maps are attacked.
        prediction_steps, map_attack_steps, map_steps, samples: of the evaluation.
        ramp: part of training over which eps grows.
        learning_rate: of training.
        model: in the place of the row's; empty: the row's.
    """

    steps: int
    batch_size: int
    width: float
    image_size: int
    attack_steps: int
    ig_steps: int
    ig_steps_attack: int
    examples: int
    attribution_examples: int
    prediction_steps: int
    map_attack_steps: int
    map_steps: int
    samples: int
    ramp: float = 0.3
    learning_rate: float = 2e-3
    model: str = ""


BUDGETS = {
    "paper": None,
    "cpu": Budget(1000, 32, 0.25, 64, 5, 5, 3, 500, 50, 20, 20, 10, 10),
    "smoke": Budget(2, 2, 0.25, 8, 1, 2, 1, 64, 2, 1, 1, 2, 2, 0.0, model="digits_cnn"),
}


def cut(recipe: Recipe, images: int, budget: Budget | None) -> Recipe:
    """A recipe cut to a budget.

    Args:
        recipe: as the paper's flagfile has it.
        images: how many it trains on.
        budget: None, the paper's, leaves the recipe as it is.
    """
    if budget is None:
        return recipe
    plan, steps = recipe.training, min(budget.steps, recipe.in_steps(images).training.steps)
    width = budget.width if budget.model else WIDTHS.get(recipe.model.name, budget.width)
    model = replace(recipe.model, name=budget.model or recipe.model.name, width=recipe.model.width * width)
    if budget.model:  # It may be one that takes no mean out of the pixels.
        model = replace(model, normalization=None)
    training = replace(
        plan,
        steps=steps,
        batch_size=min(budget.batch_size, plan.batch_size),
        optimizer="adam",
        learning_rates=(budget.learning_rate,),
        boundaries=(),
        reduction="mean",
        weight_decay=0.0,
        eps_ramp_steps=round(budget.ramp * steps) if hasattr(recipe.objective, "eps") else plan.eps_ramp_steps,
    )
    objective = _cut_objective(recipe, images, steps, budget)
    return replace(recipe, model=model, training=training, objective=objective)


def _cut_objective(recipe: Recipe, images: int, steps: int, budget: Budget):
    """Its objective with fewer steps and points; what the paper anneals by the epoch is annealed by the step."""
    own, cut = recipe.objective, {}
    if hasattr(own, "attack_steps"):
        n = cut["attack_steps"] = min(budget.attack_steps, own.attack_steps)
        longer = own.step_size if n == 0 else own.step_size * own.attack_steps / n
        cut["step_size"] = min(longer, max(own.eps, own.step_size)) if n else own.step_size
    for name in ("ig_steps", "ig_steps_attack"):
        if hasattr(own, name):
            cut[name] = min(getattr(budget, name), getattr(own, name))
    if hasattr(own, "alpha"):
        plan = recipe.training
        epochs = plan.epochs or plan.steps * plan.batch_size / images
        cut.update(alpha=own.alpha ** (epochs / steps), anneal="step")
    return replace(own, **cut)


def evaluated(suite: Suite, shape: Sequence[int], original_side: int, budget: Budget | None) -> Suite:
    """A suite cut to a budget; k keeps its share of the pixels.

    Args:
        suite: with the paper's settings.
        shape: (H, W, C) of the images.
        original_side: of the images in the paper, in pixels.
        budget: None, the paper's, changes k alone.
    """
    share = (shape[0] / original_side) ** 2

    def k_of(k):
        return max(1, min(round(k * share), shape[0] * shape[1]))

    def map_of(spec):
        if budget is None:
            return spec
        return replace(spec, attribution=_capped(spec.attribution, steps=budget.map_steps, samples=budget.samples))

    def task_of(task: MapTask) -> MapTask:
        attack: Any = task.attack
        comparison = replace(task.comparison, k=k_of(task.comparison.k))
        if attack.k:
            attack = replace(attack, goal=replace(attack.goal, k=k_of(attack.k)))
        attack = _shorter(attack, budget and budget.map_attack_steps)
        return replace(task, map=map_of(task.map), attack=attack, comparison=comparison)

    def prediction_of(attack):
        attack = _shorter(attack, budget and budget.prediction_steps)
        return _capped(attack, samples=budget.samples) if budget else attack

    cut: dict[str, Any] = {}
    if budget is not None:
        cut = {"examples": budget.examples, "attribution_examples": budget.attribution_examples, "doubled": 0}
    return replace(
        suite,
        predictions={name: prediction_of(attack) for name, attack in suite.predictions.items()},
        attributions={name: task_of(task) for name, task in suite.attributions.items()},
        transfer={name: map_of(spec) for name, spec in suite.transfer.items()},
        **cut,
    )


def _shorter(attack, most: int | None):
    """The attack with at most so many steps (None: as it is), each longer by as much, within its ball."""
    if most is None or not getattr(
        attack, "steps", 0
    ):  # Noise takes no steps, and the steps of the spatial attack are a grid.
        return attack
    n = min(most, attack.steps)
    size = min(attack.step_size * attack.steps / n, max(attack.eps, attack.step_size))
    return replace(attack, steps=n, step_size=size)


def _capped(spec, **most: int):
    """The spec with those of its fields that are named cut to at most so many."""
    known = names_of(spec)
    return replace_known(spec, **{name: min(getattr(spec, name), n) for name, n in most.items() if name in known})
