"""Common image corruptions after Hendrycks & Dietterich (2019), "Benchmarking Neural Network Robustness to Common
Corruptions and Perturbations", as TensorFlow operations for images of any size.

Ours, not theirs: names, ideas and most constants are the paper's, each file says where not; numbers measured under
these are not those of the published CIFAR-10-C or ImageNet-C files.
"""

from collections.abc import Callable

import tensorflow as tf

from tfrobust.checks import check_choice
from tfrobust.corruptions import blur, digital, noise, weather
from tfrobust.corruptions.draws import Draws
from tfrobust.corruptions.scale import SEVERITIES
from tfrobust.types import InputError

# Each takes (x [B,H,W,C], severity 1..5, Draws) and may leave [0, 1], which `corrupt` cuts off.
CORRUPTIONS: dict[str, Callable] = {
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


def corrupt(x: tf.Tensor, name: str, severity: int, examples, seed: int = 0) -> tf.Tensor:
    """Images x [B,H,W,C] in [0, 1], C 1 or 3, corrupted by `name` at `severity`, 0 (as they are) to 5: [B,H,W,C],
    float32 in [0, 1].  examples [B]: their numbers in the data set, which with the seed and the name make their draws,
    whatever batch they are in."""
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
