"""`MapSpec`: which attribution of which score a map is made of, and how it is reduced to one number per pixel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.integrated_gradients import IntegratedGradients
from tfrobust.checks import check_choice
from tfrobust.deprecation import deprecated
from tfrobust.names import ATTRIBUTIONS, CHANNELS, SCORES
from tfrobust.spec_values import names_of

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class MapSpec:
    """Settings of an attribution map; the defaults are RAR's protocol.

    Attributes:
        attribution: the method with its own settings.
        score: what is attributed: logit, probability or loss of the class y.
        channels: how the channels of a pixel are joined (sum or mean) after the absolute value, if there is one.
        signed: keep the sign; without it the map is of absolute values.
        normalize: divide the map by the mean of its absolute values.
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
        """The name of the method in `names.ATTRIBUTIONS`, or of its class where it has no name there."""
        kind = type(self.attribution)
        return next((name for name in ATTRIBUTIONS if ATTRIBUTIONS[name] is kind), kind.__name__)

    def settings(self) -> dict[str, Any]:
        """All settings in one flat dict: the method's name, its own settings, and the fields of the map."""
        own = {name: getattr(self.attribution, name) for name in names_of(self.attribution)}
        return {"method": self.method, **own, **{name: getattr(self, name) for name in REDUCING}}

    def check_network(self, network: keras.Model) -> None:
        """Raises InputError where the network lacks what the method needs: feature maps, the layer, ReLUs as layers."""
        self.attribution.check_network(network)


def coarser(spec: MapSpec, path_points: int | None) -> MapSpec:
    """The same map with at most `path_points` points of its path, where its method has one; None: `spec` itself."""
    attribution: Any = spec.attribution  # Not every method has steps.
    own = getattr(attribution, "steps", None)
    if path_points is None or own is None or own <= path_points:
        return spec
    return replace(spec, attribution=replace(attribution, steps=path_points))


REDUCING = tuple(name for name in names_of(MapSpec) if name != "attribution")


def make_map(method: str = "integrated_gradients", **options: Any) -> MapSpec:
    """The settings of a map from the name of its method.

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
def AttributionSpec(method: str = "integrated_gradients", **options) -> MapSpec:
    """What version 0.1 called a map.  How maps are compared is no part of it any more."""
    return make_map(method, **{name: value for name, value in options.items() if name not in ("k", "ties", "window")})


def attribute(network: keras.Model, spec: MapSpec, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None) -> tf.Tensor:
    """The raw attribution of a map, before it is reduced to one number per pixel.

    Args:
        network: logits out.
        spec: of the map.
        x: images [B,H,W,C].
        y: classes [B].
        chunk: path points or samples held at once; None: all.

    Returns:
        [B,H,W,C], signed and differentiable.
    """
    return spec.attribution(network, spec.score, x, y, chunk)


def saliency_map(
    network: keras.Model, spec: MapSpec, x: tf.Tensor, y: tf.Tensor, chunk: int | None = None
) -> tf.Tensor:
    """The map that is ranked and shown: attribution, absolute value, channels joined, normalised to mean 1.

    Args:
        network: logits out.
        spec: of the map; it says which of these steps are made.
        x: images [B,H,W,C].
        y: classes [B].
        chunk: path points or samples held at once; None: all.

    Returns:
        [B,H,W], differentiable.  A map of zeros stays zeros.
    """
    return reduced(spec, attribute(network, spec, x, y, chunk))


def reduced(spec: MapSpec, a: tf.Tensor) -> tf.Tensor:
    """An attribution [B,H,W,C] as the map [B,H,W] that is ranked and shown; see `saliency_map`."""
    a = a if spec.signed else tf.abs(a)
    a = tf.reduce_sum(a, axis=-1) if spec.channels == "sum" else tf.reduce_mean(a, axis=-1)
    if spec.normalize:
        total = tf.reduce_sum(tf.abs(a), axis=[1, 2], keepdims=True)
        a = tf.math.divide_no_nan(a, total) * tf.cast(tf.size(a[0]), a.dtype)
    return a
