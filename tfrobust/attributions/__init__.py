"""Attributions: (score, x, y) -> map [B,H,W,C], pure and twice differentiable."""

from tfrobust.attributions.gradient import gradient
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.layer_integrated_gradients import layer_integrated_gradients
from tfrobust.attributions.scores import make_score
from tfrobust.attributions.spec import AttributionSpec, attribute, saliency_map

__all__ = [
    "AttributionSpec",
    "attribute",
    "gradient",
    "integrated_gradients",
    "layer_integrated_gradients",
    "make_score",
    "saliency_map",
]
