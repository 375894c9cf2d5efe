"""What attacks on attribution maps have in common."""

from typing import Callable, Optional

from tfrobust.attacks.attacked_maps import AttackedMaps
from tfrobust.attributions import MapSpec
from tfrobust.similarity import Comparison


class MapAttack:
    """An attack on the maps of a network; a base class of dataclasses.

    Attributes:
        k: size of the set of pixels that it moves; None where it has no such set.
        targeted: it wants to get near to maps that are given.
        rounds: iterations of all its runs, for a progress bar.
    """

    k: Optional[int] = None
    targeted = False
    rounds: int

    def check(self, shape) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""

    def control(self, draws: int = 1) -> "MapAttack":
        """Noise with the ball, the seed and the criterion of the attack; draws: of which the least alike map counts."""
        raise NotImplementedError

    def on_maps(
        self, network, spec: MapSpec, comparison: Comparison, chunk: Optional[int] = None
    ) -> Callable[..., AttackedMaps]:
        """The attack on one network: (x [B,H,W,C], y [B], examples [B], tick, target) -> AttackedMaps.

        y are the labels that are attributed and to be kept; examples the numbers of the images, which seed their draws;
        tick is called once an iteration; target are the maps [B,H,W] of a targeted attack.  The last three may be left
        out.

        Args:
            network: logits out.
            spec: of the map that is attacked and measured.
            comparison: whose k and ties the criterion has that chooses the iterate.
            chunk: path points held at once.
        """
        raise NotImplementedError
