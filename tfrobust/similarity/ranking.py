"""Similarity of two maps as the papers measure it: top-k intersection, Kendall, Spearman, Pearson.

Maps are [B,H,W] (or [B,N]) arrays, scores are [B] float64.  For evaluation: not differentiable.

Ties.  "exact" is what the papers' code does: values count as they are, tau-b and average ranks for equal ones, and the
top-k set takes the lowest index first.  Integrated Gradients with a black baseline is exactly zero wherever the image
is, so on MNIST about 80 % of a map is one tie, and noise of 1e-9 on it takes Kendall of two equal maps from 1 to 0.49.
"tolerant" therefore first sets to zero what is below 1e-6 of a map's largest entry, and never takes more than the
non-zero entries of the first map into a top-k set, nor a zero of the second.

Maps that are equal everywhere score 1; a constant map against any other scores 0, where the coefficients have no value.
"""

import numpy as np
from scipy import stats

from tfrobust.similarity.kendall_tau import kendall_taus

ZERO = 1e-6  # With ties="tolerant", entries up to this share of a map's largest one count as zero.


def flattened(a: np.ndarray, ties: str) -> np.ndarray:
    """The maps [B,...] as rows [B,N] float64; with ties="tolerant", entries that count as zero are set to 0."""
    a = np.asarray(a, np.float64).reshape(len(a), -1)
    if ties == "tolerant":
        a = np.where(np.abs(a) <= ZERO * np.abs(a).max(axis=1, keepdims=True), 0.0, a)
    return a


def _correlations(coefficients, a, b, ties):
    """coefficients(a, b) [M] for pairs of maps that differ and are not constant; 1 and 0 for the others, see above."""
    a, b = flattened(a, ties), flattened(b, ties)
    out = np.all(a == b, axis=1).astype(float)
    rows = np.flatnonzero((out == 0) & (np.ptp(a, axis=1) > 0) & (np.ptp(b, axis=1) > 0))
    if len(rows):
        out[rows] = coefficients(a[rows], b[rows])
    return out


def cosine(a: np.ndarray, b: np.ndarray, ties: str = "exact") -> np.ndarray:
    """The cosine of each pair of maps, in [-1, 1]: their inner product over the product of their lengths.

    Args:
        a: maps [B,H,W] or [B,N].
        b: as many maps of the same shape.
        ties: tolerant sets entries that count as zero to 0; see above.

    Returns:
        [B] float64; 1 for equal maps, 0 for a map of zeros against any other.
    """
    a, b = flattened(a, ties), flattened(b, ties)
    length = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    same = np.all(a == b, axis=1).astype(float)
    return np.clip(np.divide(np.sum(a * b, axis=1), length, out=same, where=length > 0), -1.0, 1.0)


def kendall(a: np.ndarray, b: np.ndarray, ties: str = "exact") -> np.ndarray:
    """Kendall's rank correlation, tau-b in [-1, 1], of each pair of maps.

    Args:
        a: maps [B,H,W] or [B,N].
        b: the maps that they are compared with, of the same shape.
        ties: exact or tolerant; see above.

    Returns:
        [B] float64; 1 for equal maps, 0 for a constant map against any other.
    """
    return _correlations(kendall_taus, a, b, ties)


def spearman(a: np.ndarray, b: np.ndarray, ties: str = "exact") -> np.ndarray:
    """Spearman's rank correlation in [-1, 1] of each pair of maps; equal entries have their average rank.

    Args:
        a: maps [B,H,W] or [B,N].
        b: the maps that they are compared with, of the same shape.
        ties: exact or tolerant; see above.

    Returns:
        [B] float64; 1 for equal maps, 0 for a constant map against any other.
    """
    return _correlations(lambda a, b: _pearsons(stats.rankdata(a, axis=1), stats.rankdata(b, axis=1)), a, b, ties)


def pearson(a: np.ndarray, b: np.ndarray, ties: str = "exact") -> np.ndarray:
    """Pearson's correlation in [-1, 1] of each pair of maps.

    Args:
        a: maps [B,H,W] or [B,N].
        b: the maps that they are compared with, of the same shape.
        ties: exact or tolerant; see above.

    Returns:
        [B] float64; 1 for equal maps, 0 for a constant map against any other.
    """
    return _correlations(_pearsons, a, b, ties)


def _pearsons(a, b):
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    norms = np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
    return np.clip(np.sum(a * b, axis=1) / norms, -1.0, 1.0)


def top_k_mask(a: np.ndarray, k: int) -> np.ndarray:
    """Marks the k largest entries of each map [B,...], as [B,N] bool; of equal ones the lowest index comes first."""
    a = np.asarray(a).reshape(len(a), -1)
    order = np.argsort(-a, axis=1, kind="stable")[:, :k]
    mask = np.zeros(a.shape, bool)
    np.put_along_axis(mask, order, True, axis=1)
    return mask


def top_k_intersection(a: np.ndarray, b: np.ndarray, k: int, ties: str = "exact") -> np.ndarray:
    """Share of the k largest pixels that two maps have in common, |top-k(a) and top-k(b)| / k.

    Args:
        a: maps [B,H,W] or [B,N].
        b: the maps that they are compared with, of the same shape.
        k: size of the sets.
        ties: exact or tolerant; see above.

    Returns:
        [B] float64 in [0, 1], one number for each pair of maps.
    """
    a, b = flattened(a, ties), flattened(b, ties)
    if ties == "exact":
        return (top_k_mask(a, k) & top_k_mask(b, k)).sum(axis=1) / k
    out = np.zeros(len(a))
    for i, (p, q) in enumerate(zip(a[:, None], b[:, None])):
        capped = min(k, int(np.count_nonzero(p)))
        if capped:
            out[i] = (top_k_mask(p, capped) & top_k_mask(q, capped) & (q != 0)).sum() / capped
        else:
            out[i] = not q.any()
    return out


def mass_center(a: np.ndarray) -> np.ndarray:
    """The centre of mass (row, column), [B,2] in pixels, of each map [B,H,W], weighted by its absolute values."""
    a = np.abs(np.asarray(a, np.float64))
    total = np.maximum(a.sum(axis=(1, 2)), np.finfo(float).tiny)
    rows, columns = np.arange(a.shape[1]), np.arange(a.shape[2])
    return np.stack([(a.sum(axis=2) @ rows) / total, (a.sum(axis=1) @ columns) / total], axis=1)


def center_shift(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distance in pixels between the centres of mass of each pair of maps [B,H,W]."""
    return np.linalg.norm(mass_center(a) - mass_center(b), axis=1)
