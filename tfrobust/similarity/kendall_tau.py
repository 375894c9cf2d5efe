"""Kendall's tau-b of many pairs of maps: of small maps many at once, on all processors.

    tau-b = (C - D) / sqrt((P - P_a) (P - P_b))

of P = N (N - 1) / 2 pairs of pixels, P_a and P_b of which are ties within a map, C concordant and D discordant.
Sorted by (a, b), the discordant pairs are the inversions of b (Knight, 1966).  They are counted bit by bit of the
ranks, from the highest on: two pixels whose ranks agree in all higher bits are an inversion where the first has a one
in this bit and the second a zero.  All counts are whole numbers: the result is that of `scipy.stats.kendalltau`.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import stats

SMALL = 100  # Maps of at most so many pixels: all pairs are compared, which is faster than sorting.
LARGE = 2048  # Maps of more pixels: SciPy, one by one, takes no longer than operations on arrays.
PIXELS_AT_ONCE = 2**15  # Of all maps that one thread handles together, so that they stay in the cache.
COMPARED = 16  # Groups of so many entries are compared pair by pair: fewer passes than one for each bit.


def kendall_taus(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of each pair of rows.

    Args:
        a: [B,N] float64, no row constant.
        b: like a.

    Returns:
        [B] float64 in [-1, 1].
    """
    pixels = a.shape[1]
    of_part = _by_all_pairs if pixels <= SMALL else _by_sorting if pixels <= LARGE else _by_scipy
    rows = max(1, PIXELS_AT_ONCE // pixels) if pixels <= LARGE else 1
    parts = [slice(start, start + rows) for start in range(0, len(a), rows)]
    if len(parts) == 1:
        return of_part(a, b)
    # NumPy and SciPy sort and count without Python's lock.
    with ThreadPoolExecutor(min(len(parts), os.cpu_count() or 1)) as pool:
        return np.concatenate(list(pool.map(lambda part: of_part(a[part], b[part]), parts)))


def _by_all_pairs(a, b):
    out = np.empty(len(a))
    for i, (p, q) in enumerate(zip(a, b)):
        p, q = (np.sign(v[:, None] - v[None]).ravel() for v in (p, q))
        out[i] = p @ q / np.sqrt((p @ p) * (q @ q))
    return out


def _by_scipy(a, b):
    return np.array([stats.kendalltau(p, q)[0] for p, q in zip(a, b)])


def _by_sorting(a, b):
    n = a.shape[1]
    ranks_a, ranks_b = dense_ranks(a), dense_ranks(b)
    pairs = n * (n - 1) // 2
    ties_a, ties_b = _tied_pairs(ranks_a), _tied_pairs(ranks_b)
    bits = int(n - 1).bit_length()
    both = np.sort((ranks_a << bits) + ranks_b, axis=1)
    concordant_less_discordant = (
        pairs - ties_a - ties_b + _tied_pairs(dense_of_sorted(both)) - 2 * inversions(both & ((1 << bits) - 1))
    )
    # SciPy's order of operations.
    taus = concordant_less_discordant / np.sqrt(pairs - ties_a) / np.sqrt(pairs - ties_b)
    return np.clip(taus, -1.0, 1.0)


def dense_ranks(a: np.ndarray) -> np.ndarray:
    """The place of each entry among the distinct values of its row, from 0 on.

    Args:
        a: [B,N].

    Returns:
        [B,N] int64.
    """
    order = np.argsort(a, axis=1)
    order += np.arange(0, a.size, a.shape[1])[:, None]  # Places in all rows one after the other.
    ranks = dense_of_sorted(a.reshape(-1)[order])
    out = np.empty_like(ranks)
    out.reshape(-1)[order] = ranks
    return out


def dense_of_sorted(values: np.ndarray) -> np.ndarray:
    """The same for rows [B,N] in ascending order."""
    new = np.zeros(values.shape, np.int64)  # As NumPy adds no booleans without a copy of its own.
    new[:, 1:] = values[:, 1:] != values[:, :-1]
    return np.cumsum(new, axis=1)


def _tied_pairs(ranks):
    """How many pairs of entries of each row of dense ranks [B,N] are equal, [B] int64."""
    out = np.zeros(len(ranks), np.int64)
    for i in np.flatnonzero(ranks.max(axis=1) < ranks.shape[1] - 1):
        sizes = np.bincount(ranks[i])
        out[i] = np.sum(sizes * (sizes - 1) // 2)
    return out


def inversions(a: np.ndarray) -> np.ndarray:
    """How many pairs of entries of each row stand in the wrong order, the first larger than the second.

    Args:
        a: [B,N] whole numbers, 0 or more and below N.

    Returns:
        [B] int64.
    """
    images, n = a.shape
    bits = max(int(n - 1).bit_length(), 1)
    # A row's permutation, place of each value, of which equal ones keep their order; it has as many inversions.
    places = np.sort((a.astype(np.int64) << bits) + np.arange(n), axis=1) & ((1 << bits) - 1)
    # Filled up to a power of two with places in order, each bit cuts a row into groups of one size.
    filling = np.broadcast_to(np.arange(n, 1 << bits), (images, (1 << bits) - n))
    kind: Any = np.uint16 if bits <= 16 else np.int32
    flat = np.concatenate([places, filling], axis=1).astype(kind).ravel()
    found, size = np.zeros(images, np.int64), 1 << bits
    while size > COMPARED:  # Of a group: the entries that agree in all higher bits, in their order.
        half, groups = size // 2, (1 << bits) // size
        one = (flat & flat.dtype.type(half)) != 0
        ones, zeros = np.flatnonzero(one), np.flatnonzero(~one)
        # Ones before each zero: its column in the group, less the zeros before it.
        columns = (zeros & (size - 1)).reshape(images, -1).sum(axis=1)
        found += columns - groups * (half * (half - 1) // 2)
        flat = np.concatenate([flat[zeros].reshape(-1, half), flat[ones].reshape(-1, half)], axis=1).ravel()
        size = half
    groups = flat.reshape(images, -1, size)
    for distance in range(1, size):
        greater = groups[..., :-distance] > groups[..., distance:]
        found += [np.count_nonzero(each) for each in greater]  # Far faster than along axes.
    return found
