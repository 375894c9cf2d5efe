"""SAT, saliency-based adversarial training (Mangla et al., 2020), Eq. 9 and 10 and Algorithm 1.

    delta_i = z_i    with probability alpha^t,    z_i a fair choice of -1 and +1                       (9)
              -s_i   otherwise,                   s the saliency map of the image, in [-1, 1]
    x' = clip(x + eps delta),   the mean of l(x', y)                                                  (Alg. 1)

    PGD-SAT      a fair coin per mini-batch: l at the images of PGD, or at x'
    TRADES-SAT   the coin: TRADES with the images of its attack, or with x'

No attack is run in SAT: the map, which was made once, gives the direction of the perturbation.  Maps come with the
batch (see `sat_maps` for those of a teacher); where an image has several, one of them is drawn (Table 8).

Differs from the paper: t counts epochs, from 0 (Algorithm 1 counts mini-batches, which would end the noise within one
epoch; the text, Fig. 5 and the released code count epochs); anneal="step" is the printed reading.  The released code's
PGD-SAT adds a random start before its coin, which leaves the ball; here it does not.  The source of the map is drawn
per mini-batch; draw="epoch" is what the released code does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfrobust.balls import make_ball
from tfrobust.checks import check_choice, check_number
from tfrobust.distribution import draw_for_replica
from tfrobust.losses import cross_entropy
from tfrobust.names import SAT_CHOICES
from tfrobust.objectives.madry import Madry
from tfrobust.objectives.noise import flip
from tfrobust.objectives.trades import Trades
from tfrobust.types import Batch, InputError, Step, Terms

if TYPE_CHECKING:
    import keras

SIGNS, PLACES, SOURCE = 2, 3, 4  # Tags: set these draws of a step apart.


@dataclass(frozen=True, kw_only=True)
class _Saliency:
    """What SAT and its two mixtures share: perturbations along a saliency map.

    Attributes:
        alpha: the probability of noise is alpha^t (the paper: 0.6^(1/10), over 200 epochs).
        anneal: what t counts: epoch or step.
        draw: when one of several maps is drawn: for each batch, or each epoch.
    """

    alpha: float
    anneal: str = "epoch"
    draw: str = "batch"
    uses_saliency = True

    def __post_init__(self):
        for name, values in SAT_CHOICES.items():
            check_choice(name, getattr(self, name), values)
        check_number("alpha", self.alpha, most=1)

    def noise_alone(self, steps: int, batch_size: int, images: int) -> bool:
        """Whether a training draws noise alone and uses no map: by epochs alpha^t is 1 until the second one begins.

        Args:
            steps: of the training.
            batch_size: images of a step.
            images: of an epoch.
        """
        before_the_second = batch_size * (steps - 1) < images if self.anneal == "epoch" else steps < 2
        return self.alpha == 1 or before_the_second

    def direction(self, batch: Batch, step: Step) -> tf.Tensor:
        """delta of Eq. 9, [B,H,W,C] in [-1, 1]; raises InputError where the batch holds no saliency maps."""
        t = tf.cast(step.epoch if self.anneal == "epoch" else step.iteration, tf.float32)
        shape, uniform = tf.shape(batch.x), tf.random.stateless_uniform
        z = tf.sign(draw_for_replica(lambda s: uniform(s, step.draw(SIGNS), -1.0, 1.0), shape))
        noise = draw_for_replica(lambda s: uniform(s, step.draw(PLACES)), shape) < tf.pow(self.alpha, t)
        return tf.where(noise, z, -self._map(batch, step))

    def _map(self, batch, step):
        if batch.s is None:
            raise InputError("SAT needs a saliency map beside each image")
        sources = batch.s.shape[1]
        if sources == 1:
            return batch.s[:, 0]
        seed = (step.draw_for_batch if self.draw == "batch" else step.draw_for_epoch)(SOURCE)
        return tf.gather(batch.s, tf.random.stateless_uniform([], seed, 0, sources, tf.int32), axis=1)

    def perturbed(self, batch: Batch, step: Step) -> tf.Tensor:
        """The images x' [B,H,W,C] of Algorithm 1; in l2, eps delta is shortened to the ball."""
        own: Any = self  # Whoever is mixed with this has a ball.
        ball = make_ball(own.norm, own.eps).shrunk(step.eps_scale)
        return tf.stop_gradient(ball.project(batch.x + ball.eps * self.direction(batch, step), batch.x))


@dataclass(frozen=True, kw_only=True)
class Sat(_Saliency):
    """SAT: cross-entropy at images perturbed along saliency maps; no attack is run.

    Attributes:
        eps: epsilon_0, radius of the ball in units of the pixel range [0, 1].
        norm: of the ball, linf or l2.
    """

    eps: float
    norm: str = "linf"

    def __post_init__(self):
        super().__post_init__()
        make_ball(self.norm, self.eps)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return self.perturbed(batch, step)

    def outer(self, network: keras.Model, batch: Batch, x_adv: tf.Tensor, step: Step) -> Terms:
        return {"cross_entropy_adv": cross_entropy(batch.y, network(x_adv, training=True))}


@dataclass(frozen=True, kw_only=True)
class PgdSat(Madry, _Saliency):
    """PGD-SAT: a coin per mini-batch decides between the images of PGD and those of SAT."""

    def __post_init__(self):
        Madry.__post_init__(self)
        _Saliency.__post_init__(self)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return flip(step, lambda: Madry.inner(self, network, batch, step), lambda: self.perturbed(batch, step))


@dataclass(frozen=True, kw_only=True)
class TradesSat(Trades, _Saliency):
    """TRADES-SAT: a coin per mini-batch decides between the images of TRADES' attack and those of SAT."""

    def __post_init__(self):
        Trades.__post_init__(self)
        _Saliency.__post_init__(self)

    def inner(self, network: keras.Model, batch: Batch, step: Step) -> tf.Tensor:
        return flip(step, lambda: Trades.inner(self, network, batch, step), lambda: self.perturbed(batch, step))
