"""`Comparison`: all measures of how alike two maps are, with their settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfrobust.checks import check_choice, check_whole
from tfrobust.errors import InputError
from tfrobust.names import TIES
from tfrobust.similarity.lens import lens_precision, lens_recall
from tfrobust.similarity.ranking import kendall, pearson, spearman, top_k_intersection

MEASURES = ("top_k_intersection", "kendall", "spearman", "pearson", "lens_recall", "lens_precision", "top_k_div")


@dataclass(frozen=True)
class Comparison:
    """Settings of the measures by which two attribution maps are compared.

    Attributes:
        k: size of the top-k set of the intersection and of LENS.
        ties: how equal entries are ranked, exact or tolerant; see `similarity.ranking`.
        window: LENS still counts a pixel as found that has moved by at most so many rows and columns.
    """

    k: int = 100
    ties: str = "exact"
    window: int = 1

    def __post_init__(self):
        check_choice("ties", self.ties, TIES)
        check_whole("k of a comparison of maps", self.k, 1)
        check_whole("window of LENS", self.window)

    def check(self, shape: Sequence[int]) -> None:
        """Raises InputError where images of shape (H, W, C) have fewer than k pixels."""
        pixels = shape[0] * shape[1]
        if self.k > pixels:
            raise InputError(f"k = {self.k} of the intersection exceeds the {pixels} pixels of an image")

    def measure(self, a: np.ndarray, b: np.ndarray) -> dict[str, np.ndarray]:
        """Compares each map of a with the map of b at the same place; both are [N,H,W].

        Returns:
            The name of each measure -> [N], the larger the more alike: the papers' top-k intersection, Kendall's and
            Spearman's coefficient, Pearson's correlation, and LENS (top_k_div: its recall of the spread-out top-k set).
        """
        k, ties, window = self.k, self.ties, self.window
        return {
            "top_k_intersection": top_k_intersection(a, b, k, ties),
            "kendall": kendall(a, b, ties),
            "spearman": spearman(a, b, ties),
            "pearson": pearson(a, b, ties),
            "lens_recall": lens_recall(a, b, k, window, ties=ties),
            "lens_precision": lens_precision(a, b, k, window, ties=ties),
            "top_k_div": lens_recall(a, b, k, window, spread=True, ties=ties),
        }
