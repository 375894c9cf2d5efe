"""Attributions: (score, x, y) -> map [B,H,W,C], pure and twice differentiable."""

from tfrobust.attributions.grad_cam import grad_cam, grad_cam_plus_plus, guided_grad_cam_plus_plus
from tfrobust.attributions.grad_shap import grad_shap
from tfrobust.attributions.gradient import gradient, gradient_x_input
from tfrobust.attributions.guided_backpropagation import guided_backpropagation
from tfrobust.attributions.integrated_gradients import integrated_gradients
from tfrobust.attributions.layer_integrated_gradients import layer_integrated_gradients
from tfrobust.attributions.scores import make_score
from tfrobust.attributions.smoothgrad import smoothgrad
from tfrobust.attributions.spec import AttributionSpec, attribute, saliency_map

__all__ = [
    "AttributionSpec",
    "attribute",
    "grad_cam",
    "grad_cam_plus_plus",
    "grad_shap",
    "gradient",
    "gradient_x_input",
    "guided_backpropagation",
    "guided_grad_cam_plus_plus",
    "integrated_gradients",
    "layer_integrated_gradients",
    "make_score",
    "saliency_map",
    "smoothgrad",
]
