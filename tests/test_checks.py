"""The checks that dataclasses and functions share: what they take, what they refuse."""

import dataclasses
import math

import numpy as np
import pytest

from tests.helpers import run_tests
from tfrobust import checks
from tfrobust.errors import InputError

TAKEN = {
    checks.check_whole: (0, 3, np.int64(2)),
    checks.check_number: (0, 0.5, 3, np.float32(0.25)),
    checks.check_positive: (1e-9, 3, np.float64(0.5)),
    checks.check_seed: (0, 2**31 - 1),
}
REFUSED = {
    checks.check_whole: (-1, 5.0, 5.5, True, "3", None, math.nan),
    checks.check_number: (-1e-9, math.nan, math.inf, True, "3", None),
    checks.check_positive: (0, 0.0, -1, math.nan, math.inf),
    checks.check_seed: (-1, 2**31, 0.5),
}


@pytest.mark.parametrize("check", TAKEN)
def test_what_is_taken_and_what_is_refused(check):
    for value in TAKEN[check]:
        check("it", value)
    for value in REFUSED[check]:
        with pytest.raises(InputError, match=r"^it must"):
            check("it", value)


def test_limits_belong_to_what_is_taken():
    checks.check_whole("it", 2, 2)
    checks.check_number("it", 1, 0, 1)
    with pytest.raises(InputError, match=r"it must be a whole number of at least 2; got 1"):
        checks.check_whole("it", 1, 2)
    with pytest.raises(InputError, match=r"it must be a number in \[0, 1\]; got 1.5"):
        checks.check_number("it", 1.5, 0, 1)


def test_fields_are_called_by_their_names():
    spec = dataclasses.make_dataclass("Spec", ["steps", "samples"])(3, 0)
    checks.check_fields(checks.check_whole, spec, "steps", least=1)
    with pytest.raises(InputError, match=r"^samples must be a whole number of at least 1"):
        checks.check_fields(checks.check_whole, spec, "steps", "samples", least=1)


if __name__ == "__main__":
    run_tests(__file__)
