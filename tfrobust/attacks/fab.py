"""FAB (Croce & Hein, 2020b): looks for the nearest wrong prediction by steps onto linearized decision boundaries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfrobust.attacks.asked_network import AskedNetwork
from tfrobust.attacks.hyperplanes import step_onto
from tfrobust.attacks.prediction_search import TargetedSearch
from tfrobust.losses import logit

MOST_BACK = 0.1  # alpha_max: the largest weight of the step that starts at x.
OVERSHOOT = 1.05  # eta: how far beyond a linearized boundary the steps go.
BACKWARD = 0.9  # beta: the part of the way from x that is kept once a prediction is wrong.
DUAL = {"linf": 1, "l2": 2}  # The order of the norm that belongs to a ball's, in which gradients are measured.


@dataclass(frozen=True)
class Fab(TargetedSearch):
    """FAB: its iterates may leave the ball; a wrong prediction counts where it lies within.

    Each step goes from the iterate and from x onto the hyperplane where the linearized logits of the label and of
    another class are equal, and mixes the two.  The first restart begins at x, the others at a random point within
    eps / 2.

    Attributes:
        targets: number of classes that a run each is made for (FAB-T); 0: each step goes to the nearest hyperplane,
          which takes K - 1 gradients.
    """

    name: ClassVar[str] = "FAB"
    tag: ClassVar[int] = 23

    def run(
        self,
        asked: AskedNetwork,
        x: np.ndarray,
        y: np.ndarray,
        logits: np.ndarray,
        seeds: tf.Tensor,
        *,
        run: int,
        tick: Callable[[], None],
    ) -> tuple[np.ndarray, np.ndarray]:
        targets = [self.target(y, logits, run)] if self.targets else other_classes(y, asked.classes)
        at = x if run < self._targets(asked.classes) else self.ball.shrunk(0.5).sample(tf.constant(x), seeds).numpy()
        found, fooled = np.array(x), np.zeros(len(x), bool)  # The others get their last iterate, cut to the ball.
        for _ in range(self.steps):
            if fooled.all():
                break
            at = self._stepped(asked, at, x, y, targets)
            wrong = ~asked.right(at, y)
            new = wrong & ~fooled & (self._distance(at - x) <= self.eps)
            found[new] = at[new]
            fooled |= new
            at = np.where(_each(wrong), x + BACKWARD * (at - x), at)
            tick()
        nearby = self.ball.project(at, x).numpy()
        return np.where(_each(fooled), found, nearby), fooled

    def _stepped(self, asked, at, x, y, targets):
        gap, w = self._nearest(asked, at, y, targets)
        step, back = step_onto(w, gap, at, self.norm), step_onto(w, gap + _inner(w, x - at), x, self.norm)
        near, far = self._distance(step), self._distance(back)
        alpha = _each(np.minimum(near / np.maximum(near + far, 1e-12), MOST_BACK))
        return np.clip((1 - alpha) * (at + OVERSHOOT * step) + alpha * (x + OVERSHOOT * back), 0, 1).astype(np.float32)

    def _nearest(self, asked, at, y, targets):
        """The gap f_t - f_y [B] and its gradient [B,H,W,C] for that target whose linearized boundary is nearest."""
        best, gaps, gradients = np.full(len(y), np.inf), np.zeros(len(y), np.float32), np.zeros_like(at)
        for target in targets:
            gap, g, _ = asked.climb(lead, at, y, target)
            g = g.numpy()
            size = np.linalg.norm(g.reshape(len(g), -1), DUAL[self.norm], axis=1)
            distance = np.abs(gap) / np.maximum(size, 1e-12)
            nearer = distance < best
            best, gaps = np.minimum(distance, best), np.where(nearer, gap, gaps)
            gradients = np.where(_each(nearer), g, gradients)
        return gaps, gradients

    def _distance(self, v):
        flat = v.reshape(len(v), -1)
        return np.abs(flat).max(axis=1) if self.norm == "linf" else np.linalg.norm(flat, axis=1)


def lead(y: tf.Tensor, target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """f_t - f_y, by how much the logit of class `target` [B] is above that of class y [B]."""
    return logit(target, logits) - logit(y, logits)


def other_classes(y: np.ndarray, classes: int) -> list[np.ndarray]:
    """K - 1 arrays of classes [B], which are together all classes but y [B] for each image."""
    return [((y + i) % classes).astype(y.dtype) for i in range(1, classes)]


def _each(values):
    return values.reshape(-1, 1, 1, 1)


def _inner(a, b):
    return np.sum(a * b, axis=(1, 2, 3))
