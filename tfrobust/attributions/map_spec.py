"""How a map is made: which attribution of which score, and how it is reduced to one number per pixel."""

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Optional

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.integrated_gradients import IntegratedGradients
from tfrobust.checks import check_choice
from tfrobust.deprecation import deprecated
from tfrobust.names import ATTRIBUTIONS, CHANNELS, SCORES
from tfrobust.spec_values import names_of


@dataclass(frozen=True)
class MapSpec:
    """Settings of a map; the defaults are RAR's protocol.

    Attributes:
        attribution: the method with its own settings.
        score: what is attributed: logit, probability or loss of the class y.
        channels: how the channels of a pixel are joined (sum or mean) after the absolute value, if there is one.
        signed: keep the sign; without it the map is of absolute values.
        normalize: divide the map by the sum of its absolute values, times H*W.
    """

    attribution: Attribution = field(default_factory=IntegratedGradients)
    score: str = "logit"
    channels: str = "sum"
    signed: bool = False
    normalize: bool = True

    def __post_init__(self):
        check_choice("score", self.score, SCORES)
        check_choice("channels", self.channels, CHANNELS)

    @property
    def method(self) -> str:
        """The name of the method in `names.ATTRIBUTIONS`; of one that has no name there, that of its class."""
        kind = type(self.attribution)
        return next((name for name in ATTRIBUTIONS if ATTRIBUTIONS[name] is kind), kind.__name__)

    def settings(self) -> Dict[str, Any]:
        """All of it as plain values side by side: the method, its own settings, how it is reduced."""
        own = {name: getattr(self.attribution, name) for name in names_of(self.attribution)}
        return {"method": self.method, **own, **{name: getattr(self, name) for name in REDUCING}}

    def check_network(self, network) -> None:
        """Raises InputError where the network has no such map: no feature maps, no such layer, no guided surrogate."""
        self.attribution.check_network(network)


def coarser(spec: MapSpec, path_points: Optional[int]) -> MapSpec:
    """The map with at most so many points of its path, where it has one; None: the map itself."""
    own = getattr(spec.attribution, "steps", None)
    if path_points is None or own is None or own <= path_points:
        return spec
    return replace(spec, attribution=replace(spec.attribution, steps=path_points))


REDUCING = tuple(name for name in names_of(MapSpec) if name != "attribution")


def make_map(method: str = "integrated_gradients", **options) -> MapSpec:
    """The map of the method of that name.

    Args:
        method: one of `names.ATTRIBUTIONS`.
        **options: settings of the method, such as steps of integrated_gradients, and fields of MapSpec.

    Raises:
        InputError: for an unknown name, an option that neither has, or a value that makes no sense.
    """
    check_choice("method", method, ATTRIBUTIONS)
    kind = ATTRIBUTIONS[method]
    own = {name: options.pop(name) for name in names_of(kind) if name in options}
    for name in options:
        check_choice(f"option of a {method} map", name, (*names_of(kind), *REDUCING))
    return MapSpec(kind(**own), **options)


@deprecated(
    "AttributionSpec(METHOD, ...)",
    write="make_map(METHOD, ...), and similarity.Comparison for k, ties and window",
    removed_in="0.3",
)
def AttributionSpec(method: str = "integrated_gradients", **options) -> MapSpec:  # noqa: N802, the name of a class.
    """What version 0.1 called a map.  How maps are compared is no part of it any more."""
    return make_map(method, **{name: value for name, value in options.items() if name not in ("k", "ties", "window")})


def attribute(network, spec: MapSpec, x: tf.Tensor, y: tf.Tensor, chunk=None) -> tf.Tensor:
    """The raw, signed attribution [B,H,W,C] of the spec, before any reduction.  chunk: path points or samples held at
    once."""
    return spec.attribution(network, spec.score, x, y, chunk)


def saliency_map(network, spec: MapSpec, x: tf.Tensor, y: tf.Tensor, chunk=None) -> tf.Tensor:
    """The map [B,H,W] that is ranked and shown: attribution, absolute value, channels joined, normalised to mean 1.

    Differentiable.  A map of zeros stays zeros.
    """
    a = attribute(network, spec, x, y, chunk)
    a = a if spec.signed else tf.abs(a)
    a = tf.reduce_sum(a, axis=-1) if spec.channels == "sum" else tf.reduce_mean(a, axis=-1)
    if spec.normalize:
        total = tf.reduce_sum(tf.abs(a), axis=[1, 2], keepdims=True)
        a = tf.math.divide_no_nan(a, total) * tf.cast(tf.size(a[0]), a.dtype)
    return a
