"""What a suite of attacks on one network consists of."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, Mapping, Tuple

from tfrobust.attacks import AttackSpec
from tfrobust.attributions import AttributionSpec
from tfrobust.names import ON_ATTRIBUTIONS
from tfrobust.types import InputError


@dataclass(frozen=True)
class Suite:
    """predictions: name -> attack.  attributions: name -> (map, attack on it).
    transfer: name -> further map, scored at the images that each attack on attributions found.
    examples: images used, drawn with `seed` (0: all).  attribution_examples: the maps of so many of these are attacked,
      the first that are predicted correctly (0: of all).  noise_draws: of the control.
    doubled: so many examples are attacked once more with twice the steps.
    faithful: insertion, deletion and the randomisation check of each distinct map; aligned: image and gradient.
    """

    name: str
    predictions: Mapping[str, AttackSpec] = field(default_factory=dict)
    attributions: Mapping[str, Tuple[AttributionSpec, AttackSpec]] = field(default_factory=dict)
    transfer: Mapping[str, AttributionSpec] = field(default_factory=dict)
    examples: int = 0
    attribution_examples: int = 0
    noise_draws: int = 1
    doubled: int = 20
    faithful: bool = True
    aligned: bool = True
    seed: int = 0

    def __post_init__(self):
        if min(self.examples, self.attribution_examples, self.doubled) < 0 or self.noise_draws < 1:
            raise InputError("examples must be 0 (all) or more, noise_draws 1 or more")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed of an evaluation must lie in [0, 2^31); got {self.seed}")
        for name, (_, attack) in self.attributions.items():
            if attack.method not in ON_ATTRIBUTIONS:
                raise InputError(f"{name}: {attack.method} is no attack on attributions")

    def check(self, network, shape) -> None:
        """Raises InputError where it does not fit the network or images of shape (H, W, C)."""
        for attribution, attack in self.attributions.values():
            attribution.check(shape)
            attribution.check_network(network)
            attack.check(shape)
        for attribution in self.transfer.values():
            attribution.check(shape)
            attribution.check_network(network)

    def for_network(self, network) -> "Suite":
        """The suite without those further maps that the network cannot have, such as Grad-CAM without feature maps."""
        return replace(self, transfer={name: spec for name, spec in self.transfer.items() if _has(network, spec)})

    def control(self, attack: AttackSpec) -> AttackSpec:
        """Noise with the budget of the attack."""
        criterion = "kendall" if attack.criterion == "target" else attack.criterion
        return AttackSpec(
            "noise",
            attack.eps,
            attack.norm,
            restarts=self.noise_draws,
            seed=attack.seed,
            k=attack.k,
            criterion=criterion,
        )

    def as_dict(self) -> Dict[str, Any]:
        """All settings as plain values: what is written beside the numbers, and repeats them."""
        return asdict(self)


def _has(network, spec: AttributionSpec) -> bool:
    try:
        spec.check_network(network)
    except InputError:
        return False
    return True
