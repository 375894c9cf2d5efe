"""Runs a suite of attacks on one network: a record per example and attack, a summary with intervals, and the diagnosis.

Work is done batch by batch, and each batch is handed to `keep`, which may have it already: a suite that was killed
goes on where it was.
"""

from dataclasses import replace
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import numpy as np

from tfrobust.attacks.ifia import TARGETED
from tfrobust.evaluation import alignment, statistics
from tfrobust.evaluation.attributions import MEASURES, Maps, attack_maps, plain_maps, prepared, transferred
from tfrobust.evaluation.curvature import lacks_curvature
from tfrobust.evaluation.diagnosis import Flag, diagnose, flag
from tfrobust.evaluation.evaluate import checked
from tfrobust.evaluation.faithfulness import faithfulness
from tfrobust.evaluation.predictions import batches, predict, predict_attacked
from tfrobust.evaluation.suite import Suite
from tfrobust.kernels import say_hint
from tfrobust.networks import check_network
from tfrobust.progress import SILENT, Progress
from tfrobust.types import InputError


class Result(NamedTuple):
    """records: one per example and task.  summary: task -> name -> number or statistics.  flags: task -> flags.
    maps: task -> the attacked maps.  chosen: the indices [N] of the images used."""

    records: List[Dict[str, Any]]
    summary: Dict[str, Dict[str, Any]]
    flags: Dict[str, List[Flag]]
    maps: Dict[str, Maps]
    chosen: np.ndarray

    @property
    def accuracies(self) -> List[Dict[str, Any]]:
        """A row per task on predictions: task, mean, low, high, examples."""
        return [
            {"task": task, **summary["accuracy"], "examples": summary["examples"]}
            for task, summary in self.summary.items()
            if "accuracy" in summary
        ]

    def scores(self, task: str, measure: str) -> Dict[str, List[float]]:
        """The measure of every example of a task on maps, attacked and under noise."""
        records = [r for r in self.records if r["task"] == task]
        return {"attacked": [r[measure] for r in records], "noise": [r[f"noise_{measure}"] for r in records]}

    @property
    def plain_flags(self) -> Dict[str, List[Dict[str, Any]]]:
        """task -> its flags as dicts."""
        return {task: [flag._asdict() for flag in own] for task, own in self.flags.items()}


Arrays = Dict[str, np.ndarray]
Keep = Callable[[str, Callable[[], Arrays]], Arrays]


def compute(key: str, work: Callable[[], Arrays]) -> Arrays:
    """A `keep` that keeps nothing."""
    return work()


class Runner:
    """One suite on one network and its images, already checked; see run_suite."""

    def __init__(self, network, x, y, suite: Suite, batch_size, chunk, progress, keep, natural):
        self.network, self.suite, self.natural = network, suite, natural
        self.batch_size, self.chunk, self.progress, self.keep = batch_size, chunk, progress, keep
        self.chosen = np.random.RandomState(suite.seed).permutation(len(x))[: suite.examples or None]
        self.x, self.y = x[self.chosen], y[self.chosen]
        self.records: List[Dict[str, Any]] = []
        self.summary: Dict[str, Dict[str, Any]] = {}
        self.flags: Dict[str, List[Flag]] = {}
        self.maps: Dict[str, Maps] = {}
        self.attack, self.place = 0, ""

    def run(self) -> Result:
        """All tasks in their order."""
        predicted = self._batched("natural", self.x, lambda r: {"class": predict(self.network, self.x[r], len(r))})
        predicted = predicted["class"]
        right = predicted == self.y
        self._record("natural", np.arange(len(self.x)), {"prediction": predicted})
        self.summary["natural"] = {"accuracy": statistics.share(right), "examples": len(right)}
        self.flags["natural"] = [flag("already_wrong", ~right)]
        for name, attack in self.suite.predictions.items():
            self._next()
            self._attack_predictions(name, attack, right)
        for name, attack in list(self.suite.predictions.items())[:1] if self.natural is not None else ():
            self._attack_predictions(f"{name} made on the natural network", attack, right, self.natural)
        rows = np.flatnonzero(right)[: self.suite.attribution_examples or None]
        if len(rows):
            for name, (attribution, attack) in self.suite.attributions.items():
                self._next()
                self._attack_maps(name, attribution, attack, rows)
            self._look_at_maps(rows)
        return Result(self.records, self.summary, self.flags, self.maps, self.chosen)

    def _next(self):
        """Bars say which attack of how many they belong to."""
        self.attack += 1
        self.place = f"[{self.attack}/{len(self.suite.predictions) + len(self.suite.attributions)}] "

    def _attack_predictions(self, name, attack, right, source=None):
        def work(r):
            examples = self.chosen[r]
            attacked = predict_attacked(self.network, self.x[r], self.y[r], attack, len(r), examples, source=source)
            return {"class": attacked}

        attacked = self._batched(name, self.x, work)["class"]
        self._record(name, np.arange(len(self.x)), {"prediction": attacked})
        held = right & (attacked == self.y)
        self.summary[name] = {"accuracy": statistics.share(held), "examples": len(held), "eps": attack.eps}

    def _attack_maps(self, name, attribution, attack, rows):
        x, y, examples = self.x[rows], self.y[rows], self.chosen[rows]
        targets = None
        if attack.method in TARGETED:
            targets = np.roll(plain_maps(self.network, x, y, attribution, self.batch_size, self.chunk), -1, axis=0)
        maps = self._maps(name, attribution, attack, x, y, examples, targets)
        noise = self._maps(f"{name} noise", attribution, self.suite.control(attack), x, y, examples)
        surrogate = self._batched(
            f"{name} surrogate", x, lambda r: {"a": self._surrogate(attribution, attack, x[r], y[r])}
        )["a"]
        doubled = self._doubled(name, attribution, attack, x, y, examples, targets)
        self.maps[name] = maps
        no_curvature = lacks_curvature(self.network, x, y, attack)
        self.flags[name] = diagnose(maps, noise, attribution, attack, surrogate, doubled, no_curvature)
        columns = {**maps.scores, **{f"noise_{key}": noise.scores[key] for key in MEASURES}}
        for (method, measure), values in self._transfer(name, maps, noise, y).items():
            columns[f"{method}_{measure}"] = values
        self._record(name, rows, columns)
        flags = ("moved", "kept_label", "counted", "had_gradient", "goal_rose")
        self.summary[name] = {
            **{key: statistics.describe(v) for key, v in columns.items() if key.removeprefix("noise_") not in flags},
            **{f"share_not_{key}": float(np.mean(~maps.scores[key])) for key in flags},
            "examples": len(rows),
            "eps": attack.eps,
        }

    def _surrogate(self, attribution, attack, x, y):
        return prepared(self.network, attribution, attack, self.chunk).surrogate_maps(x, y).numpy()

    def _maps(self, name, attribution, attack, x, y, examples, targets=None) -> Maps:
        steps = attack.restarts * (1 if attack.method == "noise" else attack.steps)

        def work(r, tick):
            target = None if targets is None else targets[r]
            maps = attack_maps(
                self.network, x[r], y[r], attribution, attack, len(r), self.chunk, examples[r], tick, target
            )
            return {"a": maps.a, "x_adv": maps.x_adv, "a_adv": maps.a_adv, **maps.scores}

        arrays = self._batched(name, x, work, steps)
        return Maps(x, arrays.pop("a"), arrays.pop("x_adv"), arrays.pop("a_adv"), arrays)

    def _doubled(self, name, attribution, attack, x, y, examples, targets):
        """Kendall's tau of the first images under twice the steps, [D]; None where that is not asked for."""
        n = min(self.suite.doubled, len(x))
        if not n:
            return None
        more = replace(attack, steps=2 * attack.steps)
        targets = None if targets is None else targets[:n]
        return self._maps(f"{name} twice", attribution, more, x[:n], y[:n], examples[:n], targets).scores["kendall"]

    def _transfer(self, name, maps, noise, y):
        specs = self.suite.transfer

        def work(prefix, of):
            def scores(r):
                part = of._replace(x=of.x[r], x_adv=of.x_adv[r])
                found = transferred(self.network, part, y[r], specs, len(r), self.chunk)
                return {f"{method}|{prefix}{measure}": v for (method, measure), v in found.items()}

            return scores

        out = {}
        for prefix, of in (("", maps), ("noise_", noise)) if specs else ():
            found = self._batched(f"{name} {prefix}transfer", of.x, work(prefix, of))
            out.update({tuple(key.split("|")): values for key, values in found.items()})
        return out

    def _look_at_maps(self, rows):
        """What concerns maps and no attack: faithfulness, alignment, agreement with the natural network."""
        x, y = self.x[rows], self.y[rows]
        specs = {attribution.method: attribution for attribution, _ in self.suite.attributions.values()}
        for method, spec in specs.items() if self.suite.faithful else ():
            name = f"faithfulness of {method}"

            def work(r, spec=spec):
                return faithfulness(self.network, x[r], y[r], spec, len(r), self.chunk, self.suite.seed)

            self._describe(name, rows, self._batched(name, x, work))
        if self.suite.aligned:
            columns = self._batched(
                "alignment", x, lambda r: {"cosine": alignment.image_gradient_cosine(self.network, x[r], y[r], len(r))}
            )
            for method, spec in specs.items() if self.natural is not None else ():
                work = lambda r, spec=spec: {  # noqa: E731
                    "a": alignment.map_agreement(self.network, self.natural, x[r], y[r], spec, len(r), self.chunk)
                }
                columns[f"{method}_as_natural"] = self._batched(f"agreement of {method}", x, work)["a"]
            self._describe("alignment", rows, columns)

    def _describe(self, name, rows, columns):
        self._record(name, rows, columns)
        self.summary[name] = {key: statistics.describe(values) for key, values in columns.items()}
        self.summary[name]["examples"] = len(rows)

    def _batched(self, name, x, work, steps: int = 0) -> Arrays:
        """work(rows[, tick]) over all batches of x, each kept under its name; the arrays joined."""
        parts = list(batches(len(x), self.batch_size))
        bar = self.progress.bar(len(parts) * max(steps, 1), self.place + name)
        out = []
        for i, rows in enumerate(parts):
            done = []
            tick = lambda done=done: (done.append(1), bar.update())  # noqa: E731
            call = (lambda rows=rows, tick=tick: work(rows, tick)) if steps else (lambda rows=rows: work(rows))
            out.append(self.keep(f"{name} {i}", call))
            bar.update(max(steps, 1) - len(done))
        bar.close()
        return {key: np.concatenate([arrays[key] for arrays in out]) for key in out[0]}

    def _record(self, task, rows, columns):
        for n, row in enumerate(rows):
            values = {key: column[n].item() for key, column in columns.items()}
            self.records.append({"task": task, "index": int(self.chosen[row]), "label": int(self.y[row]), **values})


def run_suite(
    network,
    x: np.ndarray,
    y: np.ndarray,
    suite: Suite,
    batch_size: int = 100,
    chunk: Optional[int] = None,
    progress: Progress = SILENT,
    keep: Keep = compute,
    natural=None,
) -> Result:
    """The suite on `network` (logits out), images x [N,H,W,C] in [0, 1] and labels y [N].

    batch_size, chunk: images and path points held at once.  progress: where it shows how far it is.
    keep: (key, work) -> arrays, those that it has for the key or else those of work().
    natural: another network, whose maps this one's are compared with (ER, Table 8), and on which the suite's first
      attack on predictions is made once more (transfer; ART, Table 6).
    Raises InputError where images, labels, network and suite do not fit each other.
    """
    say_hint()
    x, y = checked(network, x, y)
    if natural is not None:
        check_network(natural, x)
        if natural.output_shape[-1] != network.output_shape[-1]:
            raise InputError(
                f"the natural network knows {natural.output_shape[-1]} classes, the network {network.output_shape[-1]}"
            )
    suite.check(network, x.shape[1:])
    return Runner(network, x, y, suite, batch_size, chunk, progress, keep, natural).run()
