import pytest

from tests.helpers import run_tests
from tfrobust.attacks import AttackSpec
from tfrobust.balls import L2Ball
from tfrobust.types import InputError


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "fgsmm"},
        {"eps": -0.1},
        {"eps": 1.5},
        {"norm": "l1"},
        {"loss": "mse"},
        {"criterion": "pearson"},
        {"steps": -1},
        {"restarts": 0},
        {"softplus_beta": -1.0},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        AttackSpec(**{"method": "pgd", "eps": 0.1, **wrong})


def test_k_must_fit_the_image():
    AttackSpec("ifia_top_k", 0.1, k=64).check((8, 8, 1))
    for k in (0, 65):
        with pytest.raises(InputError):
            AttackSpec("ifia_top_k", 0.1, k=k).check((8, 8, 1))


def test_ball():
    assert AttackSpec("pgd", 2.0, norm="l2").ball == L2Ball(2.0)


if __name__ == "__main__":
    run_tests(__file__)
