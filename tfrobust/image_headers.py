"""What the header of an image says before its pixels are decoded: how it is turned upright, what shows through it."""

from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image

UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda x: x,
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: x[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
SIDEWAYS = (5, 6, 7, 8)  # The orientations that exchange height and width.


def orientation_of(header: Image.Image) -> int:
    """The orientation in the EXIF of an opened image, 1 to 8 (a key of UPRIGHT); 1, upright, where there is none."""
    # The EXIF of a PNG may lie behind its pixels, and Pillow would decode them all to find it.
    return header.getexif().get(ExifTags.Base.Orientation, 1) if header.format != "PNG" else 1


def opacity_of(header: Image.Image) -> np.ndarray | None:
    """The opacity [H,W], 0 to 255, of an opened image in which something is transparent; None of any other."""
    if not header.has_transparency_data:
        return None
    alpha = np.asarray(header.convert("RGBA").getchannel("A"))
    return None if alpha.min() == 255 else alpha
