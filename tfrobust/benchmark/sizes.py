"""`Sizes`: how large the jobs of a benchmark are."""

from dataclasses import dataclass

from tfrobust.checks import check_fields, check_number, check_whole

JOBS = ("step", "natural", "ifia", "peers", "kendall", "audit")  # Kinds of jobs, in their order.


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large the jobs are; the defaults are those of the table in docs/performance.md.

    Attributes:
        width: factor for the units of the MNIST network.
        pretraining: steps of natural training before the jobs.
        images: of the attack on predictions and of the maps.
        batch: images of a training step.
        attack_steps: iterations of the inner attack that are timed, of RAR's 40.
        path_points, attack_points: of the path of IG in the training step, and in its inner attack.
        map_points: of the path of the maps.
        pgd_steps: iterations of the attack on predictions.
        ifia_images, ifia_steps: images, and iterations, of the attack on maps.
        side: rows and columns of the maps whose Kendall's tau is taken.
        maps: pairs of them.
        epoch: images of the epoch of natural training.
        audit_images: of the audit.
    """

    width: float = 1.0
    pretraining: int = 300
    images: int = 32
    batch: int = 50
    attack_steps: int = 4
    path_points: int = 50
    attack_points: int = 10
    map_points: int = 100
    pgd_steps: int = 40
    ifia_images: int = 4
    ifia_steps: int = 100
    side: int = 224
    maps: int = 8
    epoch: int = 2000
    audit_images: int = 8

    def __post_init__(self):
        whole = [name for name in self.__dataclass_fields__ if name not in ("width", "pretraining")]
        check_fields(check_whole, self, *whole, least=1)
        check_whole("pretraining", self.pretraining)
        check_number("width", self.width)
