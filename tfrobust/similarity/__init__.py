"""Similarities: (map, map) -> [B]."""

from tfrobust.similarity.ranking import center_shift, kendall, spearman, top_k_intersection

__all__ = ["center_shift", "kendall", "spearman", "top_k_intersection"]
