"""The evaluation of one network: a record per example, a summary, and the specs that make both repeatable."""

from dataclasses import asdict, dataclass
from typing import Any, Dict, List, NamedTuple, Optional

import numpy as np

from tfrobust.attacks import AttackSpec
from tfrobust.attributions import AttributionSpec
from tfrobust.evaluation.attributions import MEASURES, Maps, attack_maps, prepared
from tfrobust.evaluation.curvature import lacks_curvature
from tfrobust.evaluation.diagnosis import Flag, diagnose, flag
from tfrobust.evaluation.predictions import batches, predict, predict_attacked
from tfrobust.kernels import say_hint
from tfrobust.names import ON_ATTRIBUTIONS, ON_PREDICTIONS
from tfrobust.networks import check_images, check_network
from tfrobust.progress import SILENT, Progress
from tfrobust.types import InputError


@dataclass(frozen=True)
class EvaluationSpec:
    """prediction_attack: on predictions.  attribution, attribution_attack: the map and the attack on it.
    examples: images used, drawn with `seed` (0: all, in that random order).
    attribution_examples: the maps of so many of these are attacked, the first that the network predicts correctly (0:
      of all it does).
    noise_draws: draws of the random control, which has the ball of the attribution attack.
    """

    prediction_attack: AttackSpec
    attribution: AttributionSpec
    attribution_attack: AttackSpec
    examples: int = 0
    attribution_examples: int = 0
    noise_draws: int = 1
    seed: int = 0

    def __post_init__(self):
        if self.prediction_attack.method not in ON_PREDICTIONS or self.attribution_attack.method not in ON_ATTRIBUTIONS:
            raise InputError("an evaluation needs an attack on predictions and one on attributions")
        if min(self.examples, self.attribution_examples) < 0 or self.noise_draws < 1:
            raise InputError("examples must be 0 (all) or more, noise_draws 1 or more")
        if not 0 <= self.seed < 2**31:
            raise InputError(f"the seed of an evaluation must lie in [0, 2^31); got {self.seed}")

    @property
    def control(self) -> AttackSpec:
        """Noise with the budget and the criterion of the attribution attack."""
        a = self.attribution_attack
        criterion = "kendall" if a.criterion == "target" else a.criterion
        return AttackSpec("noise", a.eps, a.norm, restarts=self.noise_draws, seed=a.seed, k=a.k, criterion=criterion)

    def check(self, shape) -> None:
        """Raises InputError where it does not fit images of shape (H, W, C)."""
        self.attribution.check(shape)
        self.attribution_attack.check(shape)

    def as_dict(self) -> Dict[str, Any]:
        """All of it as plain values, the control included."""
        return {**asdict(self), "control": asdict(self.control)}


class Evaluation(NamedTuple):
    """records: one dict per example.  summary: name -> number.  maps: of the attacked examples.  spec: as a dict.
    flags: the diagnosis of the attack on attributions."""

    records: List[Dict[str, Any]]
    summary: Dict[str, Any]
    maps: Optional[Maps]
    spec: Dict[str, Any]
    flags: List[Flag] = []


def evaluate(
    network,
    x: np.ndarray,
    y: np.ndarray,
    spec: EvaluationSpec,
    batch_size: int = 100,
    chunk: Optional[int] = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Evaluates `network` (logits out) on images x [N,H,W,C] in [0, 1] with labels y [N].

    batch_size, chunk: images and path points held at once.  progress: where it shows how far it is.
    Raises InputError where images, labels, network and spec do not fit each other.
    """
    say_hint()
    x, y = checked(network, x, y)
    spec.check(x.shape[1:])
    spec.attribution.check_network(network)
    chosen = np.random.RandomState(spec.seed).permutation(len(x))[: spec.examples or None]
    x, y = x[chosen], y[chosen]

    bar = progress.bar(len(list(batches(len(x), batch_size))), "attack on predictions")
    predicted = predict(network, x, batch_size)
    attacked = predict_attacked(network, x, y, spec.prediction_attack, batch_size, chosen, bar.update)
    bar.close()
    records = [
        {"index": int(i), "label": int(label), "prediction": int(p), "prediction_attacked": int(q)}
        for i, label, p, q in zip(chosen, y, predicted, attacked)
    ]
    correct = np.flatnonzero(predicted == y)
    summary = {
        "examples": len(x),
        "natural_accuracy": len(correct) / len(x),
        "adversarial_accuracy": float(np.mean((attacked == y) & (predicted == y))),
    }
    rows = correct[: spec.attribution_examples or None]
    maps, flags = None, [flag("already_wrong", predicted != y)]
    if len(rows):
        maps, control = (
            _attack(network, x[rows], y[rows], chosen[rows], spec.attribution, attack, batch_size, chunk, progress)
            for attack in (spec.attribution_attack, spec.control)
        )
        summary.update(_summary("", maps), **_summary("noise_", control))
        twin = prepared(network, spec.attribution, spec.attribution_attack, chunk)
        parts = [twin.surrogate_maps(x[rows[r]], y[rows[r]]) for r in batches(len(rows), batch_size)]
        no_curvature = lacks_curvature(network, x[rows], y[rows], spec.attribution_attack)
        surrogate = np.concatenate(parts)
        flags += diagnose(
            maps, control, spec.attribution, spec.attribution_attack, surrogate, no_curvature=no_curvature
        )
        for n, row in enumerate(rows):
            records[row].update({k: v[n].item() for k, v in maps.scores.items()})
            records[row].update({f"noise_{k}": v[n].item() for k, v in control.scores.items()})
    summary["attribution_examples"] = len(rows)
    return Evaluation(records, summary, maps, spec.as_dict(), flags)


def _attack(network, x, y, examples, attribution, attack, batch_size, chunk, progress) -> Maps:
    rounds = attack.restarts * (1 if attack.method == "noise" else attack.steps)
    bar = progress.bar(rounds * len(list(batches(len(x), batch_size))), f"{attack.method} on attributions")
    try:
        return attack_maps(network, x, y, attribution, attack, batch_size, chunk, examples, bar.update)
    finally:
        bar.close()


def _summary(prefix: str, maps: Maps) -> Dict[str, float]:
    """Mean, median and standard deviation of each measure; shares of what the attack could not do."""
    out = {}
    for name in MEASURES:
        values = maps.scores[name]
        out[prefix + name] = float(values.mean())
        out[f"{prefix}{name}_median"] = float(np.median(values))
        out[f"{prefix}{name}_std"] = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    out[prefix + "share_uncounted"] = float(np.mean(~maps.scores["counted"]))
    out[prefix + "share_unmoved"] = float(np.mean(~maps.scores["moved"]))
    out[prefix + "share_label_never_kept"] = float(np.mean(~maps.scores["kept_label"]))
    return out


def checked(network, x, y):
    """(x float32, y int32); raises InputError where images, labels and network do not fit each other."""
    x, y = np.asarray(x), np.asarray(y)
    check_images(x)
    x = x.astype(np.float32)
    check_network(network, x)
    return x, _labels(network, x, y)


def _labels(network, x, y) -> np.ndarray:
    """The labels as int32; raises InputError where they are not one class of the network per image."""
    classes = network.output_shape[-1]
    if y.shape != (len(x),) or y.dtype.kind not in "ui":
        raise InputError(f"y must be {len(x)} whole numbers, one per image; got {y.dtype} {list(y.shape)}")
    outside = y[(y < 0) | (y >= classes)]
    if len(outside):
        raise InputError(f"label {outside[0]} is outside the {classes} classes of network {network.name!r}")
    return y.astype(np.int32)
