"""All measures of a pair of maps at once, and the values that a comparison takes."""

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust import similarity
from tfrobust.similarity import MEASURES, Comparison
from tfrobust.types import InputError


def test_each_measure_is_the_function_of_its_name_with_the_settings():
    a, b = np.random.RandomState(0).rand(2, 5, 8, 8)
    b[:, :4] = 0.0
    for ties in ("exact", "tolerant"):
        got = Comparison(k=7, ties=ties, window=2).measure(a, b)
        assert set(got) == set(MEASURES)
        for name in ("kendall", "spearman", "pearson"):
            assert np.array_equal(got[name], getattr(similarity, name)(a, b, ties))
        assert np.array_equal(got["top_k_intersection"], similarity.top_k_intersection(a, b, 7, ties))
        assert np.array_equal(got["lens_recall"], similarity.lens_recall(a, b, 7, 2, ties=ties))
        assert np.array_equal(got["lens_precision"], similarity.lens_precision(a, b, 7, 2, ties=ties))
        assert np.array_equal(got["top_k_div"], similarity.lens_recall(a, b, 7, 2, spread=True, ties=ties))


def test_what_makes_no_sense_is_refused():
    for wrong in ({"k": 0}, {"ties": "x"}, {"window": -1}):
        with pytest.raises(InputError):
            Comparison(**wrong)
    Comparison(k=64).check((8, 8))
    with pytest.raises(InputError, match="65"):
        Comparison(k=65).check((8, 8))


if __name__ == "__main__":
    run_tests(__file__)
