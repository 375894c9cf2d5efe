"""What all attacks have in common: the values that they take, their words, and the names of version 0.1."""

import pytest

from tests.helpers import run_tests
from tfrobust.attacks import AttackSpec, Ifia, Manipulation, Noise, Pgd, Spatial, Target, TopK
from tfrobust.attacks.squares import Squares
from tfrobust.balls import L2Ball
from tfrobust.names import GOALS, PREDICTION_ATTACKS
from tfrobust.types import InputError


@pytest.mark.parametrize(
    "wrong",
    [
        {"eps": -0.1},
        {"eps": 1.5},
        {"norm": "l1"},
        {"steps": -1},
        {"step_size": -0.1},
        {"restarts": 0},
        {"seed": -1},
        {"criterion": "pearson"},
        {"criterion": "target"},
        {"softplus_beta": -1.0},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        Ifia(**{"eps": 0.1, "steps": 1, "step_size": 0.1, "goal": TopK(8), **wrong})


def test_a_goal_says_what_it_needs():
    Ifia(0.1, 1, 0.1, goal=Target(8), criterion="target")
    for wrong in (lambda: TopK(0), lambda: Manipulation(-1.0)):
        with pytest.raises(InputError):
            wrong()
    Ifia(0.1, 1, 0.1, goal=TopK(64)).check((8, 8, 1))
    with pytest.raises(InputError, match="65"):
        Ifia(0.1, 1, 0.1, goal=TopK(65)).check((8, 8, 1))


def test_ball():
    assert Pgd(2.0, 1, 0.1, norm="l2").ball == L2Ball(2.0)


def test_no_two_attacks_draw_alike():
    attacks = [PREDICTION_ATTACKS[name] for name in PREDICTION_ATTACKS if name != "spatial"]  # It draws nothing.
    tags = [kind.tag for kind in (*attacks, *(GOALS[name] for name in GOALS))]
    assert len(set(tags)) == len(tags)


def test_the_control_has_the_budget_of_the_attack():
    attack = Ifia(0.2, 3, 0.1, norm="l2", seed=4, goal=Target(8), criterion="target")
    assert attack.control(5) == Noise(0.2, norm="l2", restarts=5, seed=4, k=8)
    assert Ifia(0.2, 3, 0.1, goal=TopK(8), criterion="center").control().criterion == "center"


def test_an_attack_in_words():
    assert Ifia(0.3, 5, 0.1, goal=TopK(8)).describe() == "IFIA top-k (linf, eps 0.3, 5 steps of 0.1, k 8)"
    assert Squares(0.3, 5).describe() == "squares (linf, eps 0.3, 5 queries)"
    assert Noise(0.3, restarts=3).describe() == "noise (linf, eps 0.3, best of 3 runs)"
    assert Spatial().describe() == "spatial (up to 30 degrees and 3 pixels)"


def test_the_attacks_of_version_0_1_warn_with_their_new_names():
    with pytest.warns(DeprecationWarning, match="attacks.Pgd"):
        assert AttackSpec("pgd", 0.1, steps=2, step_size=0.1, k=5) == Pgd(0.1, 2, 0.1)
    with pytest.warns(DeprecationWarning):
        attack = AttackSpec("ifia_top_k", 0.1, steps=2, step_size=0.1, k=5, curvature_only=True)
    assert attack == Ifia(0.1, 2, 0.1, goal=TopK(5), curvature_only=True)
    with pytest.warns(DeprecationWarning), pytest.raises(InputError, match="fgsmm"):
        AttackSpec("fgsmm", 0.1)


if __name__ == "__main__":
    run_tests(__file__)
