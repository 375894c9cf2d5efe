"""Cuts a score behind the first convolution of its network, as far as the network is affine in the image.

With h that affine part and J its derivative, the same at every point, the mean gradient along a straight path is

    sum_k w_k grad f(h(x_k)) = J^T sum_k w_k grad_h f(h_k),    h_k = h(x0) + t_k (h(x) - h(x0))

so that the derivative by the pixels, which is among the slowest of the whole network, is taken once for an image and
not once for a point.  That is exact, in derivatives of any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras import layers

from tfrobust.attributions.scores import NetworkScore
from tfrobust.attributions.split import Tap, split_at
from tfrobust.errors import InputError
from tfrobust.networks.surrogates import kept
from tfrobust.types import Score

if TYPE_CHECKING:
    import keras

# Of exactly these types, as a subclass may do something else.
BEFORE = (layers.InputLayer, layers.Rescaling, layers.Normalization, layers.ZeroPadding2D)


def cut_behind_affine_start(score: Score) -> tuple[keras.Model, Score] | None:
    """The affine part h of a network, and the score as a function of its outputs.

    Args:
        score: what is attributed.

    Returns:
        (h, (outputs of h, classes) -> [B]); None where the score is none of a network (see `make_score`), or the
        network does not begin with a convolution without an activation.
    """
    if not isinstance(score, NetworkScore) or score.training:
        return None
    cut = kept(score.network, cut_behind_affine_start, lambda: cut_network(score.network))
    return cut and (cut[0], NetworkScore(cut[1], score.kind))


def cut_network(network: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """A network as its affine part h and the rest, cut behind its first convolution.

    Args:
        network: logits out.

    Returns:
        (h, the rest) as models that share their weights with it; None where the network does not begin with a
        convolution without an activation.
    """
    first = next((each for each in network.layers if type(each) is layers.Conv2D), None)
    if first is None or first.get_config()["activation"] != "linear":
        return None
    try:
        head, tail = split_at(network, first.name)
    except InputError:  # Something passes the convolution by.
        return None
    own = [each.layer if isinstance(each, Tap) else each for each in head.layers]
    if head.output.dtype != "float32" or any(type(each) not in (*BEFORE, layers.Conv2D) for each in own):
        return None
    return head, tail
