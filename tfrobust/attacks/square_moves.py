"""The moves of Square Attack (Andriushchenko et al., 2020): where it changes an image, by how much, how they shrink."""

from collections.abc import Sequence

import numpy as np

# The shares of all queries after which the area of the squares is halved.
HALVINGS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
TILES = 5  # The first offset in l2 has so many bumps along each side of the image.


def side_of_squares(query: int, queries: int, area: float, shape: Sequence[int]) -> int:
    """The side of the squares in pixels, at least 1.

    Args:
        query: number of the query, from 0 on.
        queries: number of all queries of the run.
        area: of the first squares, as a share of the image.
        shape: (H, W, C) of the image.
    """
    halvings = sum(query >= queries * part for part in HALVINGS)
    return max(round(float(np.sqrt(area / 2**halvings * shape[0] * shape[1]))), 1)


def with_square(at: np.ndarray, side: int, change: float, rng: np.random.Generator) -> np.ndarray:
    """The image [H,W,C] with each channel of one square at a random place raised or lowered by `change`."""
    moved = at.copy()
    rows, columns = window(side, at.shape, rng)
    moved[rows, columns] += change * signs(rng, at.shape[2])
    return moved


def with_stripes(x: np.ndarray, eps: float, rng: np.random.Generator) -> np.ndarray:
    """The image [H,W,C] with each channel of each column raised or lowered by `eps`: the start in l-infinity."""
    return x + eps * signs(rng, (1, *x.shape[1:]))


def bumpy(x: np.ndarray, eps: float, rng: np.random.Generator) -> np.ndarray:
    """The image [H,W,C] plus an offset of length `eps` of bumps side by side: the start in l2."""
    v, side = np.zeros_like(x), max(min(x.shape[:2]) // TILES, 1)
    for row in range(0, x.shape[0] - side + 1, side):
        for column in range(0, x.shape[1] - side + 1, side):
            v[row : row + side, column : column + side] = bump(side, rng)[..., None] * signs(rng, x.shape[2])
    return x + eps * v / np.linalg.norm(v)


def with_bump(at: np.ndarray, x: np.ndarray, side: int, eps: float, rng: np.random.Generator) -> np.ndarray:
    """The image with the offset of one window moved into another, where a bump is added: the move in l2.

    Args:
        at: image [H,W,C] that is changed.
        x: image [H,W,C] around which the ball lies.
        side: of the windows in pixels.
        eps: radius of the ball.
        rng: draws the windows, the form of the bump and its signs.

    Returns:
        An image [H,W,C] at distance `eps` of x.
    """
    v, channels = at - x, x.shape[2]
    to, source = window(side, x.shape, rng), window(side, x.shape, rng)
    both = np.zeros(x.shape[:2], bool)
    both[to] = both[source] = True
    of_each = np.sqrt(np.sum(v[to] ** 2, axis=(0, 1)))
    unused = max(eps**2 - np.sum(v**2), 0.0) / channels  # Of the radius, for each channel.
    size = np.sqrt(unused + np.sum(v[both] ** 2, axis=0))
    added = bump(side, rng)[..., None] * signs(rng, channels) + v[to] / (of_each + 1e-12)
    v[source] = 0.0
    v[to] = added / (np.sqrt(np.sum(added**2, axis=(0, 1))) + 1e-12) * size
    return x + eps * v / max(np.linalg.norm(v), 1e-12)


def bump(side: int, rng: np.random.Generator) -> np.ndarray:
    """A pattern [side,side] of length 1: two peaks of opposite sign, above one another or beside."""
    upper = side // 2
    pattern = np.concatenate([_peak(upper, side), -_peak(side - upper, side)])
    pattern = pattern / max(np.linalg.norm(pattern), 1e-12)
    return (pattern.T if rng.random() < 0.5 else pattern).astype(np.float32)


def _peak(height, width):
    """A pattern [height,width] of length 1, largest in its middle: the sum of 1/k^2 over the k-th rectangles around."""
    if not height:
        return np.zeros((0, width))
    row, column = height // 2, width // 2
    out = np.zeros((height, width))
    for k in range(max(height, width) // 2 + 1):
        out[max(row - k, 0) : row + k + 1, max(column - k, 0) : column + k + 1] += 1 / (k + 1) ** 2
    return out / np.linalg.norm(out)


def window(side: int, shape: Sequence[int], rng: np.random.Generator) -> tuple[slice, slice]:
    """The rows and columns of a square at a random place in an image of shape (H, W, C)."""
    row, column = (rng.integers(n - side + 1) for n in shape[:2])
    return slice(row, row + side), slice(column, column + side)


def signs(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    """Random signs -1 and 1, float32."""
    return rng.choice([-1, 1], size=shape).astype(np.float32)
