"""Common image corruptions after Hendrycks & Dietterich (2019), "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", as TensorFlow operations for images of any size.

These are implementations of our own: names, ideas and most constants are the paper's, and each file says where they are
not.  Numbers measured under them are not comparable with those of the published CIFAR-10-C or ImageNet-C files.

All corruptions have the same arguments: x, images [B,H,W,C] in [0, 1], C 1 or 3; severity, 1 to 5; and draws, the
random numbers of each image.  They return images [B,H,W,C] float32, which may leave [0, 1]; `corrupt` cuts them off.
"""

from collections.abc import Callable

import tensorflow as tf

from tfrobust.checks import check_choice
from tfrobust.corruptions import blur, digital, noise, weather
from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.scale import SEVERITIES
from tfrobust.types import InputError

CORRUPTIONS: dict[str, Callable[[tf.Tensor, int, Draws], tf.Tensor]] = {
    function.__name__: function
    for function in (
        noise.gaussian_noise,
        noise.shot_noise,
        noise.impulse_noise,
        noise.speckle_noise,
        blur.defocus_blur,
        blur.glass_blur,
        blur.motion_blur,
        blur.zoom_blur,
        blur.gaussian_blur,
        weather.snow,
        weather.frost,
        weather.fog,
        weather.brightness,
        digital.contrast,
        digital.elastic_transform,
        digital.pixelate,
        digital.jpeg_compression,
        weather.spatter,
        digital.saturate,
    )
}
# The paper's benchmark, and the 15 of Table 3 of the ART paper (Singh et al., 2020).
COMMON = tuple(n for n in CORRUPTIONS if n not in ("speckle_noise", "gaussian_blur", "spatter", "saturate"))
ART = tuple(n for n in CORRUPTIONS if n not in ("frost", "gaussian_blur", "spatter", "saturate"))


def corrupt(x: tf.Tensor, name: str, severity: int, examples: tf.Tensor, seed: int = 0) -> tf.Tensor:
    """Applies a corruption to images.

    Args:
        x: images [B,H,W,C] in [0, 1], C 1 or 3.
        name: of the corruption, a key of CORRUPTIONS.
        severity: 0 (images as they are) to 5.
        examples: numbers [B] of the images in the data set.  With the seed and the name they determine the random
          draws of an image, whatever batch it is in.
        seed: random seed.

    Returns:
        Images [B,H,W,C], float32 in [0, 1].

    Raises:
        InputError: for an unknown name or severity, and images of another form.
    """
    x = tf.convert_to_tensor(x)
    _check(x, name, severity)
    x = tf.cast(x, tf.float32)
    if severity == 0:
        return x
    corrupted = CORRUPTIONS[name](x, int(severity), Draws.of(name, seed, examples))
    return tf.ensure_shape(tf.clip_by_value(corrupted, 0.0, 1.0), x.shape)


def _check(x, name, severity):
    check_choice("corruption", name, CORRUPTIONS)
    if severity not in range(SEVERITIES + 1):
        raise InputError(f"the severity of a corruption must be 0, 1, 2, 3, 4 or 5; got {severity}")
    if x.shape.rank != 4 or None in x.shape[1:] or x.shape[3] not in (1, 3):
        raise InputError(f"a corruption needs images [B,H,W,C] with C 1 or 3 and H, W known; got the shape {x.shape}")
    if not x.dtype.is_floating:
        raise InputError(f"a corruption needs images in [0, 1]; got {x.dtype.name}: divide by 255")


__all__ = ["ART", "COMMON", "CORRUPTIONS", "corrupt"]
