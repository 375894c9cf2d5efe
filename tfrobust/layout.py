"""Which axis of an image holds its channels, judged by its shape."""

from collections.abc import Sequence

_CHANNELS = (1, 3, 4)  # Of grey, RGB and RGBA images.
_LONGEST = 4  # The longer side of an image is at most so many times the shorter one.


def reads_channels_first(shape: Sequence[int | None]) -> bool:
    """Whether a shape (A, B, C) is more plausibly [C,H,W] than [H,W,C]; a free size is None.

    (3, 32, 32) is, (9, 9, 200) and (1, 128, 9) are not.
    """
    first, *sides = shape
    if first not in _CHANNELS or sides[-1] in _CHANNELS:
        return False
    known = [side for side in sides if side is not None]
    if len(known) < len(sides):  # Sides may be free, channels are not.
        return sides[-1] is None
    return min(known) > max(_CHANNELS) and max(known) <= _LONGEST * min(known)
