"""What a suite of attacks on one network consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tfrobust.attacks import MapAttack, Noise, PredictionAttack
from tfrobust.attributions import MapSpec
from tfrobust.checks import check_seed, check_whole
from tfrobust.errors import InputError
from tfrobust.similarity import Comparison
from tfrobust.spec_values import to_plain


@dataclass(frozen=True)
class MapTask:
    """An attack on one map.

    Attributes:
        map: that is attacked and measured.
        attack: on it.
        comparison: how the maps before and after are compared.
    """

    map: MapSpec
    attack: MapAttack
    comparison: Comparison = Comparison()

    def __post_init__(self):
        if not isinstance(self.attack, MapAttack):
            raise InputError(f"{self.attack.name} is no attack on maps")

    def check(self, shape) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""
        self.comparison.check(shape)
        self.attack.check(shape)

    def control(self, draws: int) -> "MapTask":
        """The same under noise with the budget of the attack."""
        return replace(self, attack=self.attack.control(draws))


@dataclass(frozen=True)
class Suite:
    """Attacks on one network, and what is measured of them.

    Attributes:
        name: of the suite.
        predictions: by name, attacks on predictions.
        attributions: by name, attacks on maps.
        transfer: by name, further maps, scored at the images that each attack on a map found.
        examples: images used, drawn with `seed` (0: all, in that random order).
        attribution_examples: the maps of so many of these are attacked, the first that are predicted correctly (0: of
          all).
        noise_draws: of the control, noise with the ball of each attack on a map.
        doubled: so many examples are attacked once more with twice the steps.
        faithful: insertion, deletion and the randomisation check of each distinct map.
        aligned: image and gradient.
        seed: of the choice of images.
    """

    name: str
    predictions: Mapping[str, PredictionAttack] = field(default_factory=dict)
    attributions: Mapping[str, MapTask] = field(default_factory=dict)
    transfer: Mapping[str, MapSpec] = field(default_factory=dict)
    examples: int = 0
    attribution_examples: int = 0
    noise_draws: int = 1
    doubled: int = 20
    faithful: bool = True
    aligned: bool = True
    seed: int = 0

    def __post_init__(self):
        for name in ("examples", "attribution_examples", "doubled"):
            check_whole(f"{name} of a suite", getattr(self, name))
        check_whole("noise_draws of a suite", self.noise_draws, 1)
        check_seed("the seed of a suite", self.seed)
        for name, attack in self.predictions.items():
            if not isinstance(attack, PredictionAttack):
                raise InputError(f"{name}: {attack.name} is no attack on predictions")
        for name, task in self.attributions.items():
            if isinstance(task.attack, Noise):
                raise InputError(f"{name}: noise is the control beside every attack on maps, and none itself")

    @classmethod
    def of_one(cls, prediction: PredictionAttack, task: MapTask, **options) -> "Suite":
        """One attack on predictions and one on a map, and nothing beside them.

        Args:
            prediction, task: the attacks; each has its own name.
            **options: fields of a suite, such as examples.
        """
        rest = {"doubled": 0, "faithful": False, "aligned": False, "attributions": {task.attack.name: task}, **options}
        return cls("evaluation", {prediction.name: prediction}, **rest)

    @property
    def first_prediction(self) -> PredictionAttack:
        """The first attack on predictions."""
        return next(iter(self.predictions.values()))

    @property
    def first_task(self) -> MapTask:
        """The first attack on a map."""
        return next(iter(self.attributions.values()))

    def check_shape(self, shape) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""
        for task in self.attributions.values():
            task.check(shape)

    def check(self, network, shape) -> None:
        """Raises InputError where it does not fit the network or images of shape (H, W, C)."""
        self.check_shape(shape)
        for spec in (*(task.map for task in self.attributions.values()), *self.transfer.values()):
            spec.check_network(network)

    def for_network(self, network) -> "Suite":
        """The suite without those further maps that the network cannot have, such as Grad-CAM without feature maps."""
        return replace(self, transfer={name: spec for name, spec in self.transfer.items() if _has(network, spec)})

    def as_dict(self) -> dict[str, Any]:
        """All settings as plain values: what is written beside the numbers, and repeats them."""
        return {name: value for name, value in to_plain(self).items() if name != "kind"}


def _has(network, spec: MapSpec) -> bool:
    try:
        spec.check_network(network)
    except InputError:
        return False
    return True
