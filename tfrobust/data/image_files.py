"""Files of images: which files are images, how one is decoded, and where the result differs from what viewers show."""

import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from PIL import Image

from tfrobust.checks import check_regular_file
from tfrobust.errors import InputError
from tfrobust.image_headers import UPRIGHT, opacity_of, orientation_of

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_BY_PILLOW = ("WEBP", "TIFF")  # TensorFlow does not decode them.
_EIGHT_BITS = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
_LEAVINGS = ("thumbs.db", "desktop.ini", "__macosx")  # Files that file managers leave behind.


def is_leaving(name: str) -> bool:
    """Whether a file or folder of that name was left by a system or an editor: ._x.png, .DS_Store, x.png~."""
    return name.startswith(".") or name.endswith("~") or name.lower() in _LEAVINGS


def is_image(name: str) -> bool:
    """Whether a file of that name is taken for an image."""
    return name.lower().endswith(ENDINGS)


@dataclass
class Oddities:
    """Counts what a reader of many files should be told of them.

    Attributes:
        passed_over: files that are no images, by their ending.
        turned: images that viewers turn upright.
        transparent: images with something transparent.
        of_several: files with several pictures.
    """

    passed_over: Counter = field(default_factory=Counter)
    turned: int = 0
    transparent: int = 0
    of_several: int = 0

    def sentences(self, exif: bool) -> list[str]:
        """A sentence for each kind that was met; `exif`: whether orientation and transparency were honoured."""
        out = []
        if self.passed_over:
            kinds = ", ".join(f"{n} {ending or 'without an ending'}" for ending, n in sorted(self.passed_over.items()))
            out.append(f"{sum(self.passed_over.values())} files that are no images were passed over ({kinds})")
        if self.turned:
            done = (
                "were turned upright, as their EXIF says" if exif else "would be turned upright by --exif (exif=True)"
            )
            out.append(f"{self.turned} images {done}")
        if self.transparent:
            done = "was put on white" if exif else "has the colour beneath: --exif (exif=True) puts it on white"
            out.append(f"what is transparent in {self.transparent} images {done}")
        if self.of_several:
            out.append(f"{self.of_several} files hold several pictures, of which the first was taken")
        return out


def decode_file(path: str, size: int | None, exif: bool, odd: Oddities) -> np.ndarray:
    """The image in a file, [H,W,3] uint8.

    Args:
        path: of the file.
        size: the short side is resized to it and the middle square cut out; None leaves the image.
        exif: turn it upright as its EXIF says, and put what is transparent on white.
        odd: what is odd about it is counted there.

    Raises:
        InputError: with the file's name, where it cannot be read.
    """
    check_regular_file(path)
    try:
        with Image.open(path) as header:
            return _cut(_decoded(path, header, exif, odd), size)
    except InputError:
        raise
    except Exception as e:  # A damaged file fails with an error of any kind.
        raise InputError(f"{path} cannot be read as an image: {_first_line(e)}") from e


def _decoded(path: str, header: Image.Image, exif: bool, odd: Oddities) -> np.ndarray:
    if header.mode not in _EIGHT_BITS and header.format in _BY_PILLOW:
        raise InputError(f"{path} has pixels of more than 8 bits ({header.mode}): save it with 8")
    turned, opacity = orientation_of(header), opacity_of(header)
    odd.of_several += getattr(header, "n_frames", 1) > 1
    odd.turned += turned in UPRIGHT and turned != 1
    odd.transparent += opacity is not None
    if header.format in _BY_PILLOW:
        image = np.asarray(header.convert("RGB"))
    else:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False).numpy()
    if not exif:
        return image
    if opacity is not None:
        share = opacity[..., np.newaxis] / np.float32(255)
        image = np.round(255 + share * (image - 255.0)).astype(np.uint8)
    return UPRIGHT.get(turned, UPRIGHT[1])(image)


def _cut(image: np.ndarray, size: int | None) -> np.ndarray:
    if size is None:
        return image
    height, width = image.shape[:2]
    scale = size / min(height, width)
    shape = max(size, round(height * scale)), max(size, round(width * scale))
    resized = tf.image.resize(image, shape, antialias=True)
    cut = tf.image.resize_with_crop_or_pad(tf.round(resized), size, size)
    return tf.cast(tf.clip_by_value(cut, 0, 255), tf.uint8).numpy()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def ending(name: str) -> str:
    """The ending of a file's name in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()
