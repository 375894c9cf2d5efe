"""Networks of keras.applications for images of 32x32, with a block or two of the many that they have."""

import inspect

import keras


def _made_by(name):
    """The module of the function that makes the networks of that name."""
    return inspect.getmodule(getattr(keras.applications, name))


def _options(classes: int) -> dict:
    return {"weights": None, "input_shape": (32, 32, 3), "classes": classes}


def convnext(classes: int) -> keras.Model:
    """One with layers of its own."""
    return _made_by("ConvNeXtTiny").ConvNeXt((1, 1, 0, 0), (4, 8, 8, 8), **_options(classes))


def efficientnet(classes: int) -> keras.Model:
    """One with an initializer of its own, which scales its pixels: those called b do."""
    module = _made_by("EfficientNetV2B0")
    name = {"name" if hasattr(keras, "ops") else "model_name": "efficientnetv2-b0"}
    blocks = [dict(module.DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"][3], input_filters=32, num_repeat=1)]
    return module.EfficientNetV2(1.0, 0.5, 224, blocks_args=blocks, **name, **_options(classes))


def mobilenet(classes: int, **options) -> keras.Model:
    """One that scales its pixels and has ReLUs as layers; without `minimalistic`, in arithmetic."""
    module = _made_by("MobileNetV3Small")

    def stack(x, kernel, activation, squeezed):
        return module._inverted_res_block(x, 2, 16, kernel, 2, squeezed, activation, 1)

    return module.MobileNetV3(stack, 32, **options, **_options(classes))
