"""How alike two maps are to somebody who looks at them: top-k intersection, Kendall, Spearman, Pearson.

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

ZERO = 1e-6
SMALL = 100  # Pixels of a map up to which Kendall's tau compares all pairs.


def flattened(a, ties: str) -> np.ndarray:
    """[B,N] float64, with what counts as zero set to zero."""
    a = np.asarray(a, np.float64).reshape(len(a), -1)
    if ties == "tolerant":
        a = np.where(np.abs(a) <= ZERO * np.abs(a).max(axis=1, keepdims=True), 0.0, a)
    return a


def _correlations(coefficients, a, b, ties):
    """coefficients(a, b) [M] of the pairs of maps [M,N] that differ and are not constant; see above for the others."""
    a, b = flattened(a, ties), flattened(b, ties)
    out = np.all(a == b, axis=1).astype(float)
    rows = np.flatnonzero((out == 0) & (np.ptp(a, axis=1) > 0) & (np.ptp(b, axis=1) > 0))
    if len(rows):
        out[rows] = coefficients(a[rows], b[rows])
    return out


def kendall(a, b, ties: str = "exact") -> np.ndarray:
    """Kendall's tau-b in [-1, 1] of each pair of maps."""
    return _correlations(_taus, a, b, ties)


def _taus(a, b):
    if a.shape[1] > SMALL:
        return np.array([stats.kendalltau(p, q)[0] for p, q in zip(a, b)])
    out = np.empty(len(a))
    for i, (p, q) in enumerate(zip(a, b)):
        # Every pair in its order, at once: on small maps a tenth of the time of sorting.
        p, q = (np.sign(v[:, None] - v[None]).ravel() for v in (p, q))
        out[i] = p @ q / np.sqrt((p @ p) * (q @ q))
    return out


def spearman(a, b, ties: str = "exact") -> np.ndarray:
    """Spearman's rank correlation in [-1, 1] of each pair of maps, average ranks for ties."""
    return _correlations(lambda a, b: _pearsons(stats.rankdata(a, axis=1), stats.rankdata(b, axis=1)), a, b, ties)


def pearson(a, b, ties: str = "exact") -> np.ndarray:
    """Pearson's correlation in [-1, 1] of each pair of maps."""
    return _correlations(_pearsons, a, b, ties)


def _pearsons(a, b):
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    norms = np.sqrt(np.sum(a * a, axis=1) * np.sum(b * b, axis=1))
    return np.clip(np.sum(a * b, axis=1) / norms, -1.0, 1.0)


def top_k_mask(a, k: int) -> np.ndarray:
    """[B,N] bool: the k largest entries of each map, the lowest index first among equal ones."""
    a = np.asarray(a).reshape(len(a), -1)
    order = np.argsort(-a, axis=1, kind="stable")[:, :k]
    mask = np.zeros(a.shape, bool)
    np.put_along_axis(mask, order, True, axis=1)
    return mask


def top_k_intersection(a, b, k: int, ties: str = "exact") -> np.ndarray:
    """|top-k(a) and top-k(b)| / k in [0, 1] of each pair of maps."""
    a, b = flattened(a, ties), flattened(b, ties)
    if ties == "exact":
        return (top_k_mask(a, k) & top_k_mask(b, k)).sum(axis=1) / k
    out = np.zeros(len(a))
    for i, (p, q) in enumerate(zip(a[:, None], b[:, None])):
        capped = min(k, np.count_nonzero(p))
        if capped:
            out[i] = (top_k_mask(p, capped) & top_k_mask(q, capped) & (q != 0)).sum() / capped
        else:
            out[i] = not q.any()
    return out


def mass_center(a) -> np.ndarray:
    """[B,2]: the (row, column) centre of mass of each map [B,H,W], weighted by its absolute values."""
    a = np.abs(np.asarray(a, np.float64))
    total = np.maximum(a.sum(axis=(1, 2)), np.finfo(float).tiny)
    rows, columns = np.arange(a.shape[1]), np.arange(a.shape[2])
    return np.stack([(a.sum(axis=2) @ rows) / total, (a.sum(axis=1) @ columns) / total], axis=1)


def center_shift(a, b) -> np.ndarray:
    """Distance in pixels between the centres of mass of each pair of maps [B,H,W]."""
    return np.linalg.norm(mass_center(a) - mass_center(b), axis=1)
