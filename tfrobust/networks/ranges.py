"""Finds the range of pixels that a preprocessing expects, such as the Rescaling at the start of a network."""

from collections.abc import Mapping

import numpy as np

GREYS = (0, 1, 51, 255)  # The pixels on which a function is judged; whole numbers, so that integer networks take them.


def range_of(values: Mapping[int, np.ndarray]) -> str | None:
    """The range of pixels that a function takes to small centred numbers, as a preprocessing does.

    Args:
        values: of each of GREYS the function's value on an image of that grey, all of one shape.

    Returns:
        "0..1", "-1..1", "0..255" or another "0..N"; None where the function says nothing (the identity, a scaling by 2,
        a constant).
    """
    black, one, dark, white = (np.asarray(values[grey], np.float64).reshape(-1) for grey in GREYS)
    if not black.size or not all(np.isfinite(v).all() for v in (black, one, dark, white)):
        return None
    slope = (white - black) / 255
    steepest = np.abs(slope).max()
    if steepest == 0:
        return None
    tolerance = 1e-3 * 255 * steepest
    if not all(np.allclose(v, black + n * slope, rtol=0, atol=tolerance) for n, v in ((1, one), (51, dark))):
        return _of_curve(black, one, dark, white)
    # The line is zero at the mean of the pixels, or at black; padding and other constants are left out.
    steep = np.abs(slope) > 0.1 * steepest
    return _of_line(steepest, float(np.median(-black[steep] / slope[steep])))


def _of_line(slope: float, zero: float) -> str | None:
    if np.isclose(zero, -1, atol=1e-3) and (np.isclose(slope, 0.5, rtol=0.02) or np.isclose(slope, 127.5, rtol=0.02)):
        return "-1..1"  # It maps them to 0..1, or to 0..255.
    if slope * 255 < 0.2:
        return (
            f"0..{1 / slope:.5g}"  # It would make bytes next to nothing: it is made for pixels of 16 bits, for example.
        )
    if slope * 255 < 10 or zero > 20:
        return "0..255"
    if slope < 0.3 or zero > 2:
        return f"0..{max(1 / slope, 2 * zero):.5g}"
    if slope > 100 and -0.05 < zero < 1.05:
        return "0..1"
    return None


def _of_curve(black, one, dark, white) -> str | None:
    """0..255 for a curve, such as sqrt(pixels / 255), of which [0, 1] would be a tiny part; None for other curves."""
    whole = np.abs(white - black).max()
    small, still_rises = np.abs(one - black).max() < 0.1 * whole, np.abs(white - dark).max() > 0.1 * whole
    return "0..255" if whole < 10 and small and still_rises else None
