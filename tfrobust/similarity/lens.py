"""LENS (Kamath et al., AAAI 2024): top-k intersection that forgives small moves, and top-k sets that are spread out.

With S_k(a) the k largest entries of map a, N_w(S) all pixels at most w rows and w columns from one of S:

    w-LENS-recall@k(a, b)    = |S_k(a) and N_w(S_k(b))| / k     of what was important, the share that still is nearby
    w-LENS-precision@k(a, b) = |N_w(S_k(a)) and S_k(b)| / k     of what is important now, the share that was nearby

and with S_k chosen one by one, each time the largest entry outside the windows of those before, top-k-div (its own
windows then do not fill one blob).  w = 0 is top-k intersection.

Differs from the released code: windows are squares of 2w + 1 pixels that end at the edge of the image (there they wrap
to the neighbouring row, and w = 3 leaves rows out); a spread-out set ends where the map is zero or no room is left, and
then has fewer than k.  Where maps are sparse and k is large the plain sets hold zeros, as those of top-k intersection
do; with ties="tolerant" they do not.
"""

import numpy as np
from scipy import ndimage

from tfrobust.similarity.ranking import flattened, top_k_mask


def near(mask: np.ndarray, w: int) -> np.ndarray:
    """N_w: all pixels that are at most w rows and w columns from a pixel of `mask`; both are [B,H,W] bool."""
    return ndimage.maximum_filter(mask, size=(1, 2 * w + 1, 2 * w + 1), mode="constant", cval=False)


def spread_mask(a: np.ndarray, k: int, w: int) -> np.ndarray:
    """Marks the top-k-div set: the largest non-zero entries of each map, none within the window of another.

    Args:
        a: maps [B,H,W].
        k: most entries that are taken of a map.
        w: half-width of the window in pixels: no other entry is taken at most w rows and w columns from one.

    Returns:
        [B,H,W] bool, at most k True in each map.
    """
    a = np.asarray(a)
    mask = np.zeros(a.shape, bool)
    for i, map_ in enumerate(a):
        free, taken = map_ != 0, 0
        for place in np.argsort(-map_, axis=None, kind="stable"):
            row, column = divmod(int(place), map_.shape[1])
            if free[row, column]:
                mask[i, row, column] = True
                free[max(row - w, 0) : row + w + 1, max(column - w, 0) : column + w + 1] = False
                taken += 1
                if taken == k:
                    break
    return mask


def _masks(a, b, k, w, *, spread, ties):
    shape = np.shape(a)
    a, b = (flattened(m, ties).reshape(shape) for m in (a, b))
    if spread:
        return spread_mask(a, k, w), spread_mask(b, k, w)
    masks = (top_k_mask(m, k).reshape(shape) for m in (a, b))
    return tuple(mask if ties == "exact" else mask & (m != 0) for mask, m in zip(masks, (a, b)))


def lens_recall(
    a: np.ndarray, b: np.ndarray, k: int, w: int = 1, *, spread: bool = False, ties: str = "exact"
) -> np.ndarray:
    """Share of the k largest pixels of map a that have one of map b's at most w rows and w columns away.

    Args:
        a: maps [B,H,W], such as those before an attack.
        b: the maps [B,H,W] that they are compared with, such as those after it.
        k: size of the sets.
        w: rows and columns by which a pixel may have moved; 0 gives top-k intersection.
        spread: compare the top-k-div sets, which are spread out.  A map of zeros has no such set; its score is 1
          against another map of zeros and 0 against any other.
        ties: exact or tolerant; see `similarity.ranking`.

    Returns:
        [B] in [0, 1].
    """
    p, q = _masks(a, b, k, w, spread=spread, ties=ties)
    size = p.sum(axis=(1, 2))
    found = (p & near(q, w)).sum(axis=(1, 2)) / np.maximum(size, 1)
    return np.where(size > 0, found, ~q.any(axis=(1, 2)))


def lens_precision(
    a: np.ndarray, b: np.ndarray, k: int, w: int = 1, *, spread: bool = False, ties: str = "exact"
) -> np.ndarray:
    """Share of the k largest pixels of map b that have one of map a's at most w rows and w columns away.

    Args:
        a: maps [B,H,W], such as those before an attack.
        b: the maps [B,H,W] that they are compared with, such as those after it.
        k: size of the sets.
        w: rows and columns by which a pixel may have moved; 0 gives top-k intersection.
        spread: compare the top-k-div sets, which are spread out; see `lens_recall`.
        ties: exact or tolerant; see `similarity.ranking`.

    Returns:
        [B] in [0, 1].
    """
    return lens_recall(b, a, k, w, spread=spread, ties=ties)
