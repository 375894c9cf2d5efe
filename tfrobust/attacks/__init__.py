"""Attacks, a frozen dataclass each: on predictions, on attribution maps, and noise as the control of both."""

from tfrobust.attacks.apgd import Apgd
from tfrobust.attacks.attack import Attack
from tfrobust.attacks.attack_spec import AttackSpec
from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attacks.auto import auto_ensemble
from tfrobust.attacks.autoattack import AutoAttack
from tfrobust.attacks.dual import Dual
from tfrobust.attacks.ensemble import Ensemble, Found
from tfrobust.attacks.fab import Fab
from tfrobust.attacks.goals import Cosine, Goal, Manipulation, MassCenter, RandomSigns, Target, TopK, TopKMargin
from tfrobust.attacks.ifia import Ifia
from tfrobust.attacks.map_attack import MapAttack
from tfrobust.attacks.noise import Noise
from tfrobust.attacks.pair_goals import SoftKendall, SoftSpearman, TopKPairs, TowardsOrder
from tfrobust.attacks.pgd import Pgd
from tfrobust.attacks.prediction import PredictionAttack
from tfrobust.attacks.sparse import Sparse
from tfrobust.attacks.spatial import Spatial
from tfrobust.attacks.spsa import Spsa
from tfrobust.attacks.square_attack import SquareAttack
from tfrobust.attacks.squares import Squares
from tfrobust.attacks.stripes import Stripes
from tfrobust.attacks.trades import TradesAttack
from tfrobust.attacks.universal import Universal

__all__ = [
    "Apgd",
    "Attack",
    "AttackSpec",
    "AttackedMaps",
    "AutoAttack",
    "Cosine",
    "Dual",
    "Ensemble",
    "Fab",
    "Found",
    "Goal",
    "Ifia",
    "Manipulation",
    "MapAttack",
    "MassCenter",
    "Noise",
    "Pgd",
    "PredictionAttack",
    "RandomSigns",
    "SoftKendall",
    "SoftSpearman",
    "Sparse",
    "Spatial",
    "Spsa",
    "SquareAttack",
    "Squares",
    "Stripes",
    "Target",
    "TopK",
    "TopKMargin",
    "TopKPairs",
    "TowardsOrder",
    "TradesAttack",
    "Universal",
    "auto_ensemble",
]
