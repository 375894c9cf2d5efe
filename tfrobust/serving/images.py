"""Encoded images in requests: a JPEG or PNG as {"b64": ...} in the place of an image's numbers.

The header says what an image is before anything of it is decoded.  What would become another picture without a word is
refused: another size (unless resizing was asked for), transparency, colours of print, more than one picture.  A JPEG is
turned upright as its EXIF says, as viewers do.
"""

import base64
import binascii
import contextlib
import io
import threading
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfrobust.image_headers import SIDEWAYS, UPRIGHT, opacity_of, orientation_of
from tfrobust.types import InputError

_RESIZING = threading.Lock()  # A large image takes much memory while it is resized: one at a time.
MAX_PIXELS = 1 << 24  # Of an image that is resized: 48 MB of bytes in colour.


def is_image(shape: tf.TensorShape, dtype: tf.DType) -> bool:
    """Whether an example can be an image of 8 bits: grey or in colour, floats or bytes.

    Args:
        shape: of the example, [H,W,C].
        dtype: of its numbers.
    """
    return shape.rank == 3 and shape[2] in (1, 3) and (dtype.is_floating or dtype == tf.uint8)


def read_base64(name: str, text: Any) -> bytes:
    """The bytes of {"b64": text}: the standard alphabet or the one for addresses, with or without padding.

    Args:
        name: of the input, for a message.
        text: what stands under "b64".

    Raises:
        InputError: where that is no base64.
    """
    try:
        data = text.encode("ascii").translate(bytes.maketrans(b"-_", b"+/"))
        return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except (AttributeError, ValueError, binascii.Error) as e:
        raise InputError(f'{name}: "b64" holds no base64') from e


def decode_image(name: str, text: Any, shape: tf.TensorShape, dtype: tf.DType, resize: bool) -> np.ndarray:
    """An encoded image as an array.

    Args:
        name: of the input, for a message.
        text: the image in base64.
        shape: that the array must have, [H,W,C].
        dtype: of its numbers: floats in [0, 1], or bytes in 0..255.
        resize: whether an image of another size is resized; otherwise it is refused.

    Returns:
        [H,W,C] of that shape and dtype.

    Raises:
        InputError: where it is no such image.
    """
    data = read_base64(name, text)
    turned = _check(name, data, shape, resize)
    with _RESIZING if resize else contextlib.nullcontext():
        try:
            image = tf.io.decode_image(data, channels=shape[2], expand_animations=False).numpy()
        except (tf.errors.OpError, ValueError) as e:
            raise InputError(f"{name}: the image is damaged: {str(e).splitlines()[0][:200]}") from e
        image = UPRIGHT.get(turned, UPRIGHT[1])(image)
        given = image.shape[0], image.shape[1]
        size = _size(shape, given)
        if size != given:
            image = np.clip(np.round(tf.image.resize(image, size, antialias=True)), 0, 255)
    return image.astype(np.uint8) if dtype == tf.uint8 else (image / np.float32(255)).astype(dtype.as_numpy_dtype)


def _check(name: str, data: bytes, shape: tf.TensorShape, resize: bool) -> int:
    """How the image is turned, by its EXIF; raises InputError where it is not to be decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            turned = orientation_of(image)
            height, width = image.size if turned in SIDEWAYS else image.size[::-1]
            _check_size(name, (height, width), _size(shape, (height, width)), resize)
            _check_kind(name, image)
            return turned
    except InputError:
        raise
    except Image.DecompressionBombError as e:
        raise InputError(f"{name}: the image exceeds the limit of {MAX_PIXELS} pixels") from e
    except Exception as e:  # A damaged file fails with an error of any kind.
        raise InputError(f"{name}: the bytes are no JPEG or PNG that can be read") from e


def _check_size(name: str, given: tuple[int, int], taken: tuple[int, int], resize: bool) -> None:
    got = f"{given[0]} x {given[1]} (height x width)"
    if given[0] * given[1] > MAX_PIXELS:
        raise InputError(f"{name}: an image of {got} exceeds the limit of {MAX_PIXELS} pixels")
    if given != taken and not resize:
        resizing = "this server does not resize (it was started without --resize)"
        raise InputError(f"{name} must be an image of {taken[0]} x {taken[1]}; got one of {got}, and {resizing}")


def _check_kind(name: str, image: Image.Image) -> None:
    if image.mode == "CMYK":
        raise InputError(f"{name} has the colours of print (CMYK): save it in RGB")
    frames = getattr(image, "n_frames", 1)
    if image.format == "PNG" and frames > 1:
        raise InputError(f"{name} holds {frames} pictures: send one")
    if opacity_of(image) is not None:
        raise InputError(f"{name} has transparent pixels: put it on a background first")


def _size(shape: tf.TensorShape, given: tuple[int, int]) -> tuple[int, int]:
    """The size (H, W) to which an image is brought: that of the shape, where it has one, else the image's own."""
    height, width = (n if n is not None else m for n, m in zip(shape[:2], given))
    return height, width
