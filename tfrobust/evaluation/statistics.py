"""Statistics of scores: mean, median, standard deviation and 95 % confidence intervals."""

import numpy as np

Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations of its mean.
RESAMPLES = 2000  # Of the bootstrap.


def describe(values: np.ndarray, least: float = -np.inf, most: float = np.inf) -> dict[str, float]:
    """Mean, median, standard deviation and confidence interval of scores.

    Args:
        values: [N], N >= 1.
        least: the smallest possible value, below which the interval does not reach.
        most: the largest possible value, above which it does not reach.

    Returns:
        mean, median, std (of the examples, with n - 1), and low and high, the 95 % confidence interval of the mean in
        the normal approximation.
    """
    values = np.asarray(values, np.float64)
    mean = values.mean()
    std = values.std(ddof=1) if len(values) > 1 else 0.0
    half = Z * std / np.sqrt(len(values))
    low, high = max(mean - half, least), min(mean + half, most)
    out = {"mean": mean, "median": np.median(values), "std": std, "low": low, "high": high}
    return {name: float(value) for name, value in out.items()}


def bootstrapped(values: np.ndarray, least: float = -np.inf, most: float = np.inf) -> dict[str, float]:
    """As `describe`, with a confidence interval by the bootstrap (Efron, 1979).

    low and high are the 2.5th and the 97.5th percentile of the mean over RESAMPLES resamples, always the same ones.
    This assumes no normal distribution, from which few low scores among many high ones are far.

    Args:
        values: [N], N >= 1.
        least: the smallest possible value, below which the interval does not reach.
        most: the largest possible value, above which it does not reach.

    Returns:
        mean, median, std, low and high.
    """
    values = np.asarray(values, np.float64)
    drawn = np.random.RandomState(0).randint(len(values), size=(RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return {**describe(values, least, most), "low": float(low), "high": float(high)}


def share(hits: np.ndarray) -> dict[str, float]:
    """The share of True in hits [N] bool, N >= 1, as mean, with its 95 % confidence interval, low and high."""
    hits = np.asarray(hits, bool)
    return share_of(float(hits.mean()), len(hits))


def share_of(p: float, n: int) -> dict[str, float]:
    """A share p of n >= 1 examples, as mean, with its 95 % confidence interval, low and high.

    It is Wilson's score interval (1927), which also holds for shares of 0 and 1.
    """
    center = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return {"mean": p, "low": max(float(center - half), 0.0), "high": min(float(center + half), 1.0)}
