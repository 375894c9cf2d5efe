"""Everything that is chosen by name, each list written once, here.  Importing it costs no TensorFlow.

Help and refusals need the names alone and must not wait for TensorFlow, which takes seconds to import.  A `Registry`
therefore knows where each thing is defined, and imports it when it is asked for; the rooms use the same registries.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any


class Registry(Mapping):
    """name -> thing.  The names are there at once, in their order; a thing is imported when it is looked up.

    Args:
        package: the package in which the things are defined.
        **places: for each name, "module.attribute" below the package.
    """

    def __init__(self, package: str, **places: str):
        self._places = {name: f"{package}.{place}" for name, place in places.items()}

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self._places[name].rpartition(".")
        return getattr(importlib.import_module(module), attribute)

    def __contains__(self, name) -> bool:  # Mapping's own would look the thing up, and so import it.
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Registry({', '.join(self)})"


# Training methods, networks, and how the weights of networks are initialized.
OBJECTIVES = Registry(
    "tfrobust.objectives",
    natural="natural.Natural",
    madry="madry.Madry",
    trades="trades.Trades",
    uniform_noise="noise.UniformNoise",
    madry_noise="noise.MadryNoise",
    trades_noise="noise.TradesNoise",
    gradient_penalty="gradient_penalty.GradientPenalty",
    loss_output="loss_output.LossOutput",
    ig_norm="rar.IgNorm",
    ig_sum_norm="rar.IgSumNorm",
    ig_wasserstein="rar.IgWasserstein",
    art="art.Art",
    cacr_wacr="er.CacrWacr",
    sat="sat.Sat",
    pgd_sat="sat.PgdSat",
    trades_sat="sat.TradesSat",
    aat="far.Aat",
    adv_aat="far.AdvAat",
    igr="igr.Igr",
    r2et="r2et.R2et",
    lga="lga.Lga",
    atex="atex.Atex",
)
MODELS = Registry(
    "tfrobust.models",
    digits_cnn="digits_cnn.digits_cnn",
    mnist_cnn="mnist_cnn.mnist_cnn",
    rar_resnet3="rar_resnet.rar_resnet3",
    rar_resnet6="rar_resnet.rar_resnet6",
    rar_resnet15="rar_resnet.rar_resnet15",
    wrn_28_10="wide_resnet.wrn_28_10",
    wrn_40_2="wide_resnet.wrn_40_2",
    resnet10="resnet.resnet10",
    resnet18="resnet.resnet18",
    resnet34="resnet.resnet34",
    resnet18_imagenet="resnet.resnet18_imagenet",
    resnet34_imagenet="resnet.resnet34_imagenet",
    resnet50_imagenet="resnet.resnet50_imagenet",
    resnet10_adl="resnet.resnet10_adl",
    resnet50_imagenet_adl="resnet.resnet50_imagenet_adl",
    vgg_gap="vgg_gap.vgg_gap_plain",
    vgg_gap_adl="vgg_gap.vgg_gap_adl",
    vit_tiny="vit.vit_tiny",
    vit_tiny_gap="vit.vit_tiny_gap",
)
INITIALIZATIONS = Registry(
    "tfrobust.models.initializations", **{name: name for name in ("ptd", "cust", "uni", "hu", "hn", "gu", "gn")}
)

# Choices within single training methods.
ART_CHOICES = {
    "loss": ("triplet", "cosine", "l2", "change"),
    "negative": ("runner_up", "least_likely"),
    "attack_on": ("attribution", "total"),
    "anchor": ("unit", "signed"),
    "channels": ("all", "mean"),
}
ER_CHOICES = {"change": ("path", "difference"), "zeros": ("p1", "p2")}
SAT_CHOICES = {"anneal": ("epoch", "step"), "draw": ("batch", "epoch")}
IGR_BASES = ("madry", "natural")
IGR_SIMILARITIES = Registry(
    "tfrobust.similarity",
    cosine="differentiable.cosine",
    pearson="differentiable.pearson",
    soft_kendall="soft_ranks.soft_kendall",
    soft_spearman="soft_ranks.soft_spearman",
)
SAT_MAPS = Registry(
    "tfrobust.objectives.sat_maps",
    gradient="gradient_sign",
    guided_backpropagation="guided_backpropagation_sign",
    grad_cam_plus_plus="scaled_cam",
    grad_cam_plus_plus_box="cam_box",
    guided_grad_cam_plus_plus="guided_cam",
    smoothgrad="scaled_smoothgrad",
    integrated_gradients="scaled_integrated_gradients",
)

# How training runs.
OPTIMIZERS = ("adam", "sgd")
REDUCTIONS = ("mean", "sum")
PRECISIONS = ("float32", "bfloat16_attack", "bfloat16")
JIT = ("auto", "on", "off")
STRATEGIES = ("none", "mirrored", "multi_worker", "tpu")

# Data.
EVALUATE_ON = ("test", "held_out")
AUGMENTATIONS = Registry(
    "tfrobust.data.augmentation",
    projective="PROJECTIVE",
    crop_flip="CROP_FLIP",
    crop_flip_jitter="CROP_FLIP_JITTER",
)
ANNOTATIONS = Registry("tfrobust.data.annotations", boxes="BOXES", masks="MASKS", maps="MAPS")
PIXELS = ("0..1", "0..255", "-1..1", "imagenet_caffe", "imagenet_torch")

# Losses, balls and distances.
LOSSES = Registry("tfrobust.losses", **{name: name for name in ("cross_entropy", "margin", "negative_logit", "dlr")})
BALLS = Registry("tfrobust.balls", linf="LinfBall", l2="L2Ball")
DISSIMILARITIES = Registry(
    "tfrobust.similarity.differentiable", pearson="pearson_loss", cosine="cosine_distance", l1="l1", l2="l2"
)

# Attribution maps.
ATTRIBUTIONS = Registry(
    "tfrobust.attributions",
    integrated_gradients="integrated_gradients.IntegratedGradients",
    gradient="gradient.Gradient",
    gradient_x_input="gradient.GradientTimesInput",
    smoothgrad="smoothgrad.SmoothGrad",
    grad_shap="grad_shap.GradShap",
    guided_backpropagation="guided_backpropagation.GuidedBackpropagation",
    grad_cam="grad_cam.GradCam",
    grad_cam_plus_plus="grad_cam.GradCamPlusPlus",
    guided_grad_cam_plus_plus="grad_cam.GuidedGradCamPlusPlus",
    uniformly_smoothed="uniform_smoothing.UniformlySmoothed",
    attention_rollout="attention_rollout.AttentionRollout",
    gradient_rollout="gradient_rollout.GradientRollout",
    attn_lrp="attn_lrp.AttnLrp",
    occlusion="occlusion.Occlusion",
    rise="rise.Rise",
)
SMOOTHED = ("gradient", "integrated_gradients")  # Maps that uniformly_smoothed can smooth.
SCORES = Registry("tfrobust.losses", logit="logit", probability="probability", loss="cross_entropy")
RULES = Registry(
    "tfrobust.attributions.quadrature", **{name: name for name in ("right", "left", "trapezoid", "gauss_legendre")}
)
CHANNELS = ("sum", "mean")
TIES = ("exact", "tolerant")

# Attacks on predictions, and goals of the attack on maps.
PREDICTION_ATTACKS = Registry(
    "tfrobust.attacks",
    pgd="pgd.Pgd",
    trades="trades.TradesAttack",
    spsa="spsa.Spsa",
    spatial="spatial.Spatial",
    noise="noise.Noise",
    dual="dual.Dual",
    apgd="apgd.Apgd",
    fab="fab.Fab",
    square="square_attack.SquareAttack",
    autoattack="autoattack.AutoAttack",
)
AUTOATTACK_VERSIONS = ("standard", "plus", "rand", "quick")
GOALS = Registry(
    "tfrobust.attacks",
    top_k="goals.TopK",
    mass_center="goals.MassCenter",
    target="goals.Target",
    random="goals.RandomSigns",
    manipulation="goals.Manipulation",
    top_k_margin="goals.TopKMargin",
    top_k_pairs="pair_goals.TopKPairs",
    soft_kendall="pair_goals.SoftKendall",
    soft_spearman="pair_goals.SoftSpearman",
    towards_order="pair_goals.TowardsOrder",
    cosine="goals.Cosine",
)
KEEP = ("best", "last")
NORMALIZATIONS = ("data",)
CRITERIA = ("kendall", "spearman", "intersection", "center", "cosine", "target")

# Downstream tasks.
TASKS = Registry(
    "tfrobust.downstream.tasks",
    **{name: f"{name}.TASK" for name in ("localization", "segmentation", "corruptions", "generation", "alignment")},
)

# Serving: which versions of a model are served, where no numbers are given.
LATEST, ALL = "latest", "all"

# Evaluations.
SUITES = Registry(
    "tfrobust.papers.suites",
    **{name: name for name in ("rar", "art", "er", "far", "sat", "full", "auto", "autoattack", "certified")},
)
AUTO_TASK = "auto"  # What the task of the ensemble is called.
AUTOATTACK_TASK = "AutoAttack"  # That of AutoAttack.
AUTO_LEVELS = ("quick", "standard", "plus")  # Budgets of the suite auto.
AUDITED_IMAGES = 100  # Default of the largest number of images whose maps an audit attacks.
AUTO = "auto"  # A range of pixels that is found: from the network's first layers, or by an audit from the labels.
