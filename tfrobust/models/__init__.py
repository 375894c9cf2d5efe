"""Networks by name: (shape, classes, width) -> keras.Model with logits out."""

from tfrobust.models.digits_cnn import digits_cnn
from tfrobust.models.initializations import INITIALIZATIONS, initialize
from tfrobust.models.mnist_cnn import mnist_cnn
from tfrobust.models.rar_resnet import rar_resnet
from tfrobust.models.resnet import resnet
from tfrobust.models.vgg_gap import vgg_gap
from tfrobust.models.wide_resnet import wide_resnet
from tfrobust.types import InputError

__all__ = ["INITIALIZATIONS", "MODELS", "initialize", "make_model"]

MODELS = {
    "digits_cnn": digits_cnn,
    "mnist_cnn": mnist_cnn,
    "rar_resnet3": rar_resnet(1),
    "rar_resnet6": rar_resnet(2),
    "rar_resnet15": rar_resnet(5),
    "wrn_28_10": wide_resnet(28, 10),
    "wrn_40_2": wide_resnet(40, 2),
    "resnet10": resnet(10),
    "resnet18": resnet(18),
    "resnet34": resnet(34),
    "resnet18_imagenet": resnet(18, large=True),
    "resnet34_imagenet": resnet(34, large=True),
    "resnet50_imagenet": resnet(50, large=True),
    "resnet10_adl": resnet(10, adl=True),
    "resnet50_imagenet_adl": resnet(50, large=True, adl=True),
    "vgg_gap": vgg_gap(),
    "vgg_gap_adl": vgg_gap(adl=True),
}


def make_model(name: str, shape, classes: int, width: float = 1.0):
    """The network called `name` for images of `shape` (H, W, C); raises InputError where there is none."""
    if name not in MODELS:
        raise InputError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    if not width > 0:
        raise InputError(f"the width of a model must be above 0; got {width}")
    try:
        return MODELS[name](shape, classes, width)
    except ValueError as e:
        raise InputError(f"model {name} cannot be built for images of shape {tuple(shape)}: {e}") from e
