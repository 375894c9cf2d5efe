"""Attacks: an argmax over a ball, of a prediction's goal or of a map's."""

from tfrobust.attacks.best import Outcome
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.noise import NoiseControl
from tfrobust.attacks.pgd import pgd
from tfrobust.attacks.spec import AttackSpec

__all__ = ["AttackSpec", "Ifia", "NoiseControl", "Outcome", "pgd"]
