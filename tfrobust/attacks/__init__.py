"""Attacks: an argmax over a ball, of a prediction's goal or of a map's."""

from tfrobust.attacks.best import Outcome
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.noise import NoiseControl
from tfrobust.attacks.pgd import pgd
from tfrobust.attacks.prediction import prediction_attack
from tfrobust.attacks.spatial import spatial
from tfrobust.attacks.spec import AttackSpec
from tfrobust.attacks.spsa import spsa

__all__ = ["AttackSpec", "Ifia", "NoiseControl", "Outcome", "pgd", "prediction_attack", "spatial", "spsa"]
