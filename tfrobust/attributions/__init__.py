"""Attributions: (score, x, y) -> map [B,H,W,C], pure and twice differentiable.

Each method is a function of that form in a file of its own, and beside it a frozen dataclass of its settings.
"""

from tfrobust.attributions.attention_rollout import AttentionRollout
from tfrobust.attributions.attn_lrp import AttnLrp
from tfrobust.attributions.attribution import Attribution
from tfrobust.attributions.grad_cam import GradCam, GradCamPlusPlus, GuidedGradCamPlusPlus
from tfrobust.attributions.grad_shap import GradShap
from tfrobust.attributions.gradient import Gradient, GradientTimesInput
from tfrobust.attributions.gradient_rollout import GradientRollout
from tfrobust.attributions.guided_backpropagation import GuidedBackpropagation
from tfrobust.attributions.integrated_gradients import IntegratedGradients
from tfrobust.attributions.layer_attributions import layer_integrated_gradients
from tfrobust.attributions.map_spec import AttributionSpec, MapSpec, attribute, coarser, make_map, saliency_map
from tfrobust.attributions.occlusion import Occlusion
from tfrobust.attributions.rise import Rise
from tfrobust.attributions.scores import make_score
from tfrobust.attributions.smoothgrad import SmoothGrad
from tfrobust.attributions.uniform_smoothing import UniformlySmoothed

__all__ = [
    "AttentionRollout",
    "AttnLrp",
    "Attribution",
    "AttributionSpec",
    "GradCam",
    "GradCamPlusPlus",
    "GradShap",
    "Gradient",
    "GradientRollout",
    "GradientTimesInput",
    "GuidedBackpropagation",
    "GuidedGradCamPlusPlus",
    "IntegratedGradients",
    "MapSpec",
    "Occlusion",
    "Rise",
    "SmoothGrad",
    "UniformlySmoothed",
    "attribute",
    "coarser",
    "layer_integrated_gradients",
    "make_map",
    "make_score",
    "saliency_map",
]
