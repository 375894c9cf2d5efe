"""Measures of how alike two attribution maps are, one number for each pair."""

from tfrobust.similarity.comparison import MEASURES, Comparison
from tfrobust.similarity.lens import lens_precision, lens_recall
from tfrobust.similarity.ranking import center_shift, cosine, kendall, pearson, spearman, top_k_intersection

__all__ = [
    "MEASURES",
    "Comparison",
    "center_shift",
    "cosine",
    "kendall",
    "lens_precision",
    "lens_recall",
    "pearson",
    "spearman",
    "top_k_intersection",
]
