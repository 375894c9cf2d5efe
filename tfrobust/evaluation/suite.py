"""`Suite`: the attacks that an evaluation makes on one network, and what it measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tfrobust.attacks import MapAttack, Noise, PredictionAttack
from tfrobust.attributions import MapSpec
from tfrobust.checks import check_choice, check_seed, check_whole
from tfrobust.errors import InputError
from tfrobust.similarity import Comparison
from tfrobust.spec_values import to_plain

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class MapTask:
    """An attack on one map.

    Attributes:
        map: the map that is attacked and measured.
        attack: the attack on maps.
        comparison: how the maps before and after are compared.
    """

    map: MapSpec
    attack: MapAttack
    comparison: Comparison = Comparison()

    def __post_init__(self):
        if not isinstance(self.attack, MapAttack):
            raise InputError(f"{self.attack.name} is no attack on maps")

    def check(self, shape: Sequence[int]) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""
        self.comparison.check(shape)
        self.attack.check(shape)

    def control(self, draws: int) -> MapTask:
        """The same task with noise in place of the attack, of the same ball, and the worst of `draws` draws."""
        return replace(self, attack=self.attack.control(draws))


@dataclass(frozen=True)
class Suite:
    """Attacks on one network, and what is measured of them.

    Attributes:
        name: of the suite.
        predictions: attacks on predictions by name.
        attributions: attacks on maps by name.
        transfer: further maps by name, which are compared at the images that each attack on a map found.
        examples: number of images used, drawn with `seed` (0: all, in that random order).
        attribution_examples: number of images whose maps are attacked, the first that are predicted correctly (0: all
          of them).
        prediction_examples: attacks on predictions that are made on the first so many images alone, by name.
        noise_draws: draws of the control, noise with the ball of each attack on a map.
        doubled: number of images that are attacked once more with twice the steps, to see whether an attack converged.
        faithful: measure insertion, deletion and the randomisation check of each distinct map.
        aligned: measure how much the gradient looks like the image, and maps like those of the natural network.
        referenced: measure how far each distinct map that has a reference depends on it (see `reference_sensitivity`).
        seed: random seed of the choice of images.
    """

    name: str
    predictions: Mapping[str, PredictionAttack] = field(default_factory=dict)
    attributions: Mapping[str, MapTask] = field(default_factory=dict)
    transfer: Mapping[str, MapSpec] = field(default_factory=dict)
    examples: int = 0
    attribution_examples: int = 0
    prediction_examples: Mapping[str, int] = field(default_factory=dict)
    noise_draws: int = 1
    doubled: int = 20
    faithful: bool = True
    aligned: bool = True
    referenced: bool = False
    seed: int = 0

    def __post_init__(self):
        for name in ("examples", "attribution_examples", "doubled"):
            check_whole(f"{name} of a suite", getattr(self, name))
        check_whole("noise_draws of a suite", self.noise_draws, 1)
        for name, n in self.prediction_examples.items():
            check_choice("attack on predictions of a suite", name, self.predictions)
            check_whole(f"images of {name}", n, 1)
        check_seed("the seed of a suite", self.seed)
        for name, attack in self.predictions.items():
            if not isinstance(attack, PredictionAttack):
                raise InputError(f"{name}: {attack.name} is no attack on predictions")
        for name, task in self.attributions.items():
            if isinstance(task.attack, Noise):
                raise InputError(f"{name}: noise is the control beside every attack on maps, and none itself")

    @classmethod
    def of_one(cls, prediction: PredictionAttack, task: MapTask, **options: Any) -> Suite:
        """A suite of one attack on predictions and one on a map, and of nothing else unless `options` ask for it.

        Args:
            prediction: the attack on predictions, which gives its task its name.
            task: the attack on a map, likewise.
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

    def check_shape(self, shape: Sequence[int]) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""
        for task in self.attributions.values():
            task.check(shape)

    def check(self, network: keras.Model, shape: Sequence[int]) -> None:
        """Raises InputError where it does not fit the network or images of shape (H, W, C)."""
        self.check_shape(shape)
        for spec in (*(task.map for task in self.attributions.values()), *self.transfer.values()):
            spec.check_network(network)

    def for_network(self, network: keras.Model) -> Suite:
        """A copy without the transfer maps that the network cannot have, such as Grad-CAM without feature maps."""
        return replace(self, transfer={name: spec for name, spec in self.transfer.items() if _has(network, spec)})

    def as_dict(self) -> dict[str, Any]:
        """All settings as plain values, which are stored with a result so that it can be repeated."""
        return {name: value for name, value in to_plain(self).items() if name != "kind"}


def _has(network, spec: MapSpec) -> bool:
    try:
        spec.check_network(network)
    except InputError:
        return False
    return True
