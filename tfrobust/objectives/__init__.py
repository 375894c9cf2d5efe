"""Training methods by name.  Each is a frozen dataclass of its hyper-parameters with `inner` and `outer`."""

import dataclasses

from tfrobust.objectives.art import Art
from tfrobust.objectives.er import CacrWacr
from tfrobust.objectives.far import Aat, AdvAat
from tfrobust.objectives.gradient_penalty import GradientPenalty
from tfrobust.objectives.igr import Igr
from tfrobust.objectives.lga import Lga
from tfrobust.objectives.loss_output import LossOutput
from tfrobust.objectives.madry import Madry
from tfrobust.objectives.natural import Natural
from tfrobust.objectives.noise import MadryNoise, TradesNoise, UniformNoise
from tfrobust.objectives.r2et import R2et
from tfrobust.objectives.rar import IgNorm, IgSumNorm, IgWasserstein
from tfrobust.objectives.sat import PgdSat, Sat, TradesSat
from tfrobust.objectives.trades import Trades
from tfrobust.types import InputError

OBJECTIVES = {
    "natural": Natural,
    "madry": Madry,
    "trades": Trades,
    "uniform_noise": UniformNoise,
    "madry_noise": MadryNoise,
    "trades_noise": TradesNoise,
    "gradient_penalty": GradientPenalty,
    "loss_output": LossOutput,
    "ig_norm": IgNorm,
    "ig_sum_norm": IgSumNorm,
    "ig_wasserstein": IgWasserstein,
    "art": Art,
    "cacr_wacr": CacrWacr,
    "sat": Sat,
    "pgd_sat": PgdSat,
    "trades_sat": TradesSat,
    "aat": Aat,
    "adv_aat": AdvAat,
    "igr": Igr,
    "r2et": R2et,
    "lga": Lga,
}


def make_objective(name: str, **hyper):
    """The method called `name`.

    hyper: its hyper-parameters by name.  None means not given: a default is taken where the method has one, and where
    the paper's value is required InputError names it.  A value that the method has no use for is refused as well.
    """
    if name not in OBJECTIVES:
        raise InputError(f"unknown method {name!r}: choose one of {', '.join(OBJECTIVES)}")
    given = {key: value for key, value in hyper.items() if value is not None}
    fields = {field.name: field for field in dataclasses.fields(OBJECTIVES[name]) if field.init}
    unused = [key for key in given if key not in fields]
    missing = [key for key, f in fields.items() if f.default is dataclasses.MISSING and key not in given]
    if unused:
        raise InputError(f"method {name} has no use for {', '.join(unused)}: leave it out")
    if missing:
        raise InputError(f"method {name} needs {', '.join(missing)}: the papers' values are in flags/, give one")
    return OBJECTIVES[name](**given)
