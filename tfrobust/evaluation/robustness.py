"""Evaluates AutoAttack on the predictions of one network: what each part fooled, its cost, signs of trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrobust.attacks import AutoAttack
from tfrobust.attacks.asked_network import AskedNetwork
from tfrobust.attacks.autoattack import NONE, AutoAttackOnNetwork
from tfrobust.evaluation.diagnosis import Flag, flag
from tfrobust.evaluation.predictions import once_traced, predict
from tfrobust.evaluation.statistics import share
from tfrobust.losses import cross_entropy

if TYPE_CHECKING:
    import keras

LOOKED_AT = 64  # Images on which the checks of the network are made.


@dataclass(frozen=True)
class Robustness:
    """What AutoAttack found on the images of an evaluation.

    Attributes:
        parts: names of its parts in their order.
        predicted: classes [N] that the network predicts at the images found.
        part: numbers [N] of the parts that fooled the network; see `attacks.autoattack.Fooled`.
        gradients, queries, seconds: what each part spent on each image [N,P].
        flags: the diagnosis.
    """

    parts: tuple[str, ...]
    predicted: np.ndarray
    part: np.ndarray
    gradients: np.ndarray
    queries: np.ndarray
    seconds: np.ndarray
    flags: list[Flag]

    def fooled_by(self) -> np.ndarray:
        """The names [N] of the parts that fooled the network; "" where none did or x was predicted wrongly before."""
        return np.array(["", *self.parts])[np.maximum(self.part, NONE) + 1]

    def rows(self) -> list[dict[str, Any]]:
        """What each part did, a row per part.

        Returns:
            Dicts with part; attacked and fooled, numbers of images; accuracy, the robust accuracy after the part, with
            low and high, its 95 % interval; gradients, queries and seconds for each image that it attacked.
        """
        rows = []
        for i, name in enumerate(self.parts):
            attacked, left = (self.part == NONE) | (self.part >= i), (self.part == NONE) | (self.part > i)
            after = share(left)
            row = {"part": name, "attacked": int(attacked.sum()), "fooled": int(np.sum(self.part == i))}
            row.update(accuracy=after["mean"], low=after["low"], high=after["high"])
            for cost in ("gradients", "queries", "seconds"):
                row[cost] = float(getattr(self, cost)[attacked, i].mean()) if attacked.any() else 0.0
            rows.append(row)
        return rows


@once_traced
def prepared_autoattack(network: keras.Model, attack: AutoAttack) -> AutoAttackOnNetwork:
    """AutoAttack on a network, traced once, ready for any number of batches."""
    return attack.on_predictions(network)


def attack_with_autoattack(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    attack: AutoAttack,
    examples: np.ndarray,
    *,
    batched: Callable[..., Mapping[str, np.ndarray]],
) -> Robustness:
    """Makes all attacks of AutoAttack on the predictions of images, and checks whether they could work.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].
        attack: AutoAttack.
        examples: numbers [N] of the images, which seed their draws.
        batched: (work, rounds) -> the joined arrays of work(rows, tick) over batches.
    """
    ready = prepared_autoattack(network, attack)

    def work(rows, tick):
        found = ready.fool(x[rows], y[rows], examples[rows], tick)
        cost = {"gradients": found.gradients, "queries": found.queries, "part_seconds": found.seconds}
        return {"part": found.part, **cost, "predicted": predict(network, found.x_adv, len(rows))}

    found, parts = dict(batched(work, attack.rounds)), attack.parts
    found["seconds"] = found.pop("part_seconds")  # An audit keeps the time of a batch under the name of seconds.
    flags = [*network_flags(ready.asked, x[:LOOKED_AT], y[:LOOKED_AT]), *_part_flags(parts, found["part"], network)]
    return Robustness(tuple(parts), **found, flags=flags)


def network_flags(asked: AskedNetwork, x: np.ndarray, y: np.ndarray) -> list[Flag]:
    """Signs that attacks on the predictions of a network cannot work as they should.

    Args:
        asked: the network.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].
    """
    _, g, f = asked.climb(cross_entropy, x, y)
    again = asked.logits(x)
    return [
        flag("random_network", np.abs(f - again).max(axis=1) > 1e-4 * np.abs(f).max(axis=1)),
        flag("zero_gradient", ~np.any(g.numpy().reshape(len(x), -1), axis=1)),
    ]


def _part_flags(parts, part, network) -> list[Flag]:
    """The flags of versions that have targeted parts and a search without gradients."""
    searches = [i for i, attack in enumerate(parts.values()) if not attack.follows_gradient]
    few = np.full(len(part), network.output_shape[-1] < 4)
    return [flag("few_classes", few), flag("square_beats_gradients", np.isin(part, searches))] if searches else []
