"""Numbers that stand for many: mean, median, spread, and the interval in which the mean of all such examples lies."""

import numpy as np

Z = 1.959964  # 95 % of a normal distribution lie within so many deviations.
RESAMPLES = 2000


def describe(values, least: float = -np.inf, most: float = np.inf) -> dict[str, float]:
    """mean, median, std (of the examples, n - 1), and low and high, the 95 % confidence interval of the mean (normal
    approximation), cut to what the values can be; values [N], N >= 1."""
    values = np.asarray(values, np.float64)
    mean = values.mean()
    std = values.std(ddof=1) if len(values) > 1 else 0.0
    half = Z * std / np.sqrt(len(values))
    low, high = max(mean - half, least), min(mean + half, most)
    out = {"mean": mean, "median": np.median(values), "std": std, "low": low, "high": high}
    return {name: float(value) for name, value in out.items()}


def bootstrapped(values, least: float = -np.inf, most: float = np.inf) -> dict[str, float]:
    """The same with low and high by the bootstrap (Efron, 1979): the 2.5th and 97.5th percentile of the mean over
    RESAMPLES resamples, always the same ones.  It assumes no normal distribution, which few low scores among many high
    ones are far from."""
    values = np.asarray(values, np.float64)
    drawn = np.random.RandomState(0).randint(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return {**describe(values, least, most), "low": float(low), "high": float(high)}


def share(hits) -> dict[str, float]:
    """mean, and low and high of its interval; hits [N] bool, N >= 1."""
    hits = np.asarray(hits, bool)
    return share_of(float(hits.mean()), len(hits))


def share_of(p: float, n: int) -> dict[str, float]:
    """The same of a share p of n >= 1 examples: Wilson's score interval (1927), which holds at 0 and 1 too."""
    center = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return {"mean": p, "low": max(float(center - half), 0.0), "high": min(float(center + half), 1.0)}
