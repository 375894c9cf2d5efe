"""Runs a suite of attacks on one network: a record per example and attack, a summary with intervals, and the diagnosis.

Work is done batch by batch, through a function `keep` that may have stored the result of a batch before: so a suite
that was killed resumes where it was.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrobust import similarity
from tfrobust.attacks import AttackedMaps, AutoAttack, Dual, Ensemble
from tfrobust.attacks.attacked_maps import FATES, as_records, join_batches
from tfrobust.attacks.ensemble import CRITERIA
from tfrobust.attacks.map_attack import BlackBoxAttack
from tfrobust.attributions import UniformlySmoothed
from tfrobust.checks import check_whole
from tfrobust.errors import InputError
from tfrobust.evaluation import alignment, certificate, statistics
from tfrobust.evaluation.attacked import attack_maps, maps_of_the_next, prepared, transferred
from tfrobust.evaluation.curvature import lacks_curvature
from tfrobust.evaluation.diagnosis import Flag, certificate_flag, diagnose, faithfulness_flags, flag, random_beats
from tfrobust.evaluation.dual import dual_scores
from tfrobust.evaluation.ensembles import EnsembleResult, attack_with_ensemble
from tfrobust.evaluation.faithfulness import deletion_under_attack, faithfulness
from tfrobust.evaluation.output_change import OutputChange, OutputChanges, conditional_scores, output_change
from tfrobust.evaluation.predictions import batches, predict, predict_attacked
from tfrobust.evaluation.reference_sensitivity import ReferenceSensitivity, reference_sensitivity
from tfrobust.evaluation.result import Evaluation
from tfrobust.evaluation.robustness import Robustness, attack_with_autoattack
from tfrobust.evaluation.suite import MapTask, Suite
from tfrobust.kernels import say_hint
from tfrobust.labels import check_labels
from tfrobust.networks import check_images, check_network
from tfrobust.progress import SILENT, Progress
from tfrobust.similarity import MEASURES, Comparison

if TYPE_CHECKING:
    import keras

Arrays = dict[str, np.ndarray]
# (key, work) -> the arrays that are stored for the key, or else those of work().
Keep = Callable[[str, Callable[[], Arrays]], Arrays]


def compute(key: str, work: Callable[[], Arrays]) -> Arrays:
    """A `keep` that stores nothing: calls `work`, whatever the key."""
    return work()


class Evaluator:
    """Runs one suite on one network and its images; arguments, which are checked already, as those of `evaluate`."""

    def __init__(
        self,
        network: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        suite: Suite,
        *,
        batch_size: int,
        chunk: int | None,
        progress: Progress,
        keep: Keep,
        natural: keras.Model | None,
    ):
        self.network, self.suite, self.natural = network, suite, natural
        self.batch_size, self.chunk, self.progress, self.keep = batch_size, chunk, progress, keep
        self.chosen = np.random.RandomState(suite.seed).permutation(len(x))[: suite.examples or None]
        self.x, self.y = x[self.chosen], y[self.chosen]
        self.records: list[dict[str, Any]] = []
        self.summary: dict[str, dict[str, Any]] = {}
        self.flags: dict[str, list[Flag]] = {}
        self.maps: dict[str, AttackedMaps] = {}
        self.ensembles: dict[str, EnsembleResult] = {}
        self.robustness: dict[str, Robustness] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.references: dict[str, ReferenceSensitivity] = {}
        self.attack, self.place = 0, ""

    def run(self) -> Evaluation:
        """Runs all tasks of the suite in their order."""
        predicted = self._batched("natural", self.x, lambda r: {"class": predict(self.network, self.x[r], len(r))})
        predicted = predicted["class"]
        right = predicted == self.y
        self._record("natural", np.arange(len(self.x)), {"prediction": predicted})
        self.summary["natural"] = {"accuracy": statistics.share(right), "examples": len(right)}
        self.flags["natural"] = [flag("already_wrong", ~right)]
        for name, attack in self.suite.predictions.items():
            self._next()
            self._attacking(attack)(name, attack, right)
        for name, attack in list(self.suite.predictions.items())[:1] if self.natural is not None else ():
            self._attack_predictions(f"{name} made on the natural network", attack, right, self.natural)
        rows = np.flatnonzero(right)[: self.suite.attribution_examples or None]
        if len(rows):
            for name, task in self.suite.attributions.items():
                self._next()
                attack = self._attack_with_ensemble if isinstance(task.attack, Ensemble) else self._attack_maps
                attack(name, task, rows)
            self._look_at_maps(rows)
        found = self.maps, self.chosen, self.ensembles, self.robustness, self.outputs, self.references
        return Evaluation(self.suite, self.records, self.summary, self.flags, *found)

    def _next(self):
        """Counts the attacks, so that progress bars show which attack of how many they belong to."""
        self.attack += 1
        self.place = f"[{self.attack}/{len(self.suite.predictions) + len(self.suite.attributions)}] "

    def _attacking(self, attack):
        """The method that makes an attack on predictions."""
        own = {AutoAttack: self._attack_with_autoattack, Dual: self._attack_dual}
        return own.get(type(attack), self._attack_predictions)

    def _attack_predictions(self, name, attack, right, source=None):
        def work(r):
            examples = self.chosen[r]
            attacked = predict_attacked(
                self.network, self.x[r], self.y[r], attack, len(r), examples=examples, source=source
            )
            return {"class": attacked}

        n = self.suite.prediction_examples.get(name)
        self._report_predictions(name, attack, right, self._batched(name, self.x[:n], work)["class"])

    def _attack_with_autoattack(self, name, attack, right):
        batched = lambda *args: self._batched(name, self.x, *args)  # noqa: E731
        result = attack_with_autoattack(self.network, self.x, self.y, attack, self.chosen, batched=batched)
        self.robustness[name], self.flags[name] = result, result.flags
        self._report_predictions(name, attack, right, result.predicted, {"fooled_by": result.fooled_by()})

    def _report_predictions(self, name, attack, right, attacked, more_of_images=None):
        """Adds records and summary of a task on predictions, with the classes predicted under attack, to the result."""
        n = len(attacked)
        self._record(name, np.arange(n), {"prediction": attacked, **(more_of_images or {})})
        held = right[:n] & (attacked == self.y[:n])
        self.summary[name] = {"accuracy": statistics.share(held), "examples": len(held), "eps": attack.eps}

    def _attack_dual(self, name, attack, right):
        """As `_attack_predictions`, and how alike the maps are of images whose prediction flips."""
        comparisons = [task.comparison for task in self.suite.attributions.values()]
        of = comparisons[0] if comparisons else Comparison(max(1, self.x[0, ..., 0].size // 8))

        def work(r):
            return dual_scores(self.network, self.x[r], self.y[r], attack, of, examples=self.chosen[r])

        columns = self._batched(name, self.x, work)
        flipped = right & (columns["prediction"] != self.y)
        maps = {key: v for key, v in columns.items() if key != "prediction"}
        self._report_predictions(name, attack, right, columns["prediction"], {**maps, "flipped": flipped})
        if flipped.any():
            self.summary[name].update({key: statistics.describe(v[flipped], -1.0, 1.0) for key, v in maps.items()})

    def _attack_maps(self, name, task: MapTask, rows):
        x, y, examples = self.x[rows], self.y[rows], self.chosen[rows]
        targets = None
        if task.attack.targeted:
            targets = maps_of_the_next(self.network, x, y, task.map, self.batch_size, chunk=self.chunk)
        maps = self._maps(name, task, x, y, examples, targets=targets)
        noise = self._maps(f"{name} noise", task.control(self.suite.noise_draws), x, y, examples)
        surrogate, no_curvature = None, None
        if not isinstance(task.attack, BlackBoxAttack):
            surrogate = self._batched(f"{name} surrogate", x, lambda r: {"a": self._surrogate(task, x[r], y[r])})["a"]
            if task.map.attribution.needs_curvature:
                no_curvature = lacks_curvature(self.network, x, y, task.attack)
        doubled = self._doubled(name, task, x, y, examples, targets=targets)
        self.flags[name] = diagnose(
            maps, noise, task, surrogate_maps=surrogate, doubled=doubled, no_curvature=no_curvature
        )
        if isinstance(task.map.attribution, UniformlySmoothed):
            maps = maps.with_scores(self._certified(name, task, maps, y))
            self.flags[name].append(certificate_flag(maps))
        self._report_maps(name, task, rows, maps, noise)

    def _attack_with_ensemble(self, name, task: MapTask, rows):
        x, y, examples = self.x[rows], self.y[rows], self.chosen[rows]
        batched = lambda what, *args: self._batched(name + what, *args)  # noqa: E731
        result = attack_with_ensemble(
            self.network, x, y, task, examples, batched=batched, chunk=self.chunk, doubled=self.suite.doubled
        )
        noise = self._maps(f"{name} noise", task.control(self.suite.noise_draws), x, y, examples)
        self.ensembles[name] = result
        self.flags[name] = [*result.flags, random_beats(result.maps, noise)]
        strongest = {measure: result.found.least[criterion] for criterion, measure in CRITERIA.items()}
        more = {"describe": statistics.bootstrapped, "strongest": strongest, "more_of_images": result.of_parts()}
        self._report_maps(name, task, rows, result.maps, noise, **more)
        self.summary[name].update(result.shares_above_half())

    def _report_maps(
        self, name, task, rows, maps, noise, *, describe=statistics.describe, strongest=None, more_of_images=None
    ):
        """Adds maps, records and summary of a task on maps to the result.

        Args:
            name: of the task.
            task: the attack, and how maps are compared.
            rows: places of the attacked images among all of them.
            maps: under the attack.
            noise: under noise of the same ball.
            describe: (values, least, most) -> the statistics of a score.
            strongest: measure -> the maps that it was measured on, where they are others than `maps`.
            more_of_images: columns that the records have and the summary has not.
        """
        self.maps[name] = maps
        scores = {**maps.scores, **{f"noise_{key}": noise.scores[key] for key in MEASURES}}
        for (method, measure), values in self._transfer(name, maps, noise, task, self.y[rows]).items():
            scores[f"{method}_{measure}"] = values
        if self.suite.faithful:
            scores.update(self._deletion(name, task, maps, self.y[rows]))
        changes = self._output_changes(name, maps, noise, strongest or {})
        self._record(name, rows, {**scores, **(more_of_images or {}), **maps.fates, **changes.columns()})
        self.summary[name] = summarize_maps(scores, maps, task.attack.eps, describe)
        self.outputs[name] = conditional_scores(scores, changes, _bounds, describe)

    def _output_changes(self, name, maps, noise, strongest) -> OutputChanges:
        """How far the outputs changed at the images of an attack, of its control, and of the strongest by measure."""

        def change(what, of):
            work = lambda r: output_change(self.network, of.x[r], of.x_adv[r]).arrays()  # noqa: E731
            return OutputChange(**self._batched(f"{name} {what}", of.x, work))

        by_measure = {measure: change(f"output by {measure}", of) for measure, of in strongest.items()}
        return OutputChanges(change("output", maps), change("noise output", noise), by_measure)

    def _deletion(self, name, task, maps, y) -> Arrays:
        own = {"batch_size": self.batch_size, "seed": self.suite.seed}

        def work(r):
            return deletion_under_attack(self.network, maps.batch(r), y[r], task.map, **own)

        return self._batched(f"{name} deletion", maps.x, work)

    def _surrogate(self, task, x, y):
        on_network: Any = prepared(self.network, task, self.chunk)
        return on_network.surrogate_maps(x, y).numpy()

    def _maps(self, name, task, x, y, examples, *, targets=None) -> AttackedMaps:
        def work(r, tick):
            target = None if targets is None else targets[r]
            maps = attack_maps(
                self.network,
                x[r],
                y[r],
                task,
                len(r),
                chunk=self.chunk,
                examples=examples[r],
                tick=tick,
                targets=target,
            )
            return {key: array for key, array in maps.arrays().items() if key != "x"}

        return AttackedMaps.from_arrays({"x": x, **self._batched(name, x, work, task.attack.rounds)})

    def _certified(self, name, task, maps, y) -> Arrays:
        """The cosine of the maps, that of the exact smoothed maps, and its certified lower bound."""
        how = {"eps": task.attack.eps, "norm": task.attack.norm, "draws": certificate.DRAWS}

        def work(r):
            x, x_adv = maps.x[r], maps.x_adv[r]
            return certificate.certificate_scores(self.network, task.map, x, x_adv, y[r], **how, batch_size=len(r))

        return {"cosine": similarity.cosine(maps.a, maps.a_adv), **self._batched(f"{name} certificate", maps.x, work)}

    def _doubled(self, name, task, x, y, examples, *, targets):
        """Kendall's tau of the first images under twice the steps, [D]; None without such images or steps."""
        n = min(self.suite.doubled, len(x))
        if not n or not hasattr(task.attack, "steps"):
            return None
        more = replace(task, attack=replace(task.attack, steps=2 * task.attack.steps))
        targets = None if targets is None else targets[:n]
        return self._maps(f"{name} twice", more, x[:n], y[:n], examples[:n], targets=targets).scores["kendall"]

    def _transfer(self, name, maps, noise, task, y):
        specs = self.suite.transfer

        def work(prefix, of):
            def scores(r):
                found = transferred(
                    self.network, of.batch(r), y[r], specs, task.comparison, batch_size=len(r), chunk=self.chunk
                )
                return {f"{method}|{prefix}{measure}": v for (method, measure), v in found.items()}

            return scores

        out = {}
        for prefix, of in (("", maps), ("noise_", noise)) if specs else ():
            found = self._batched(f"{name} {prefix}transfer", of.x, work(prefix, of))
            out.update({tuple(key.split("|")): values for key, values in found.items()})
        return out

    def _look_at_maps(self, rows):
        """Measures maps without an attack: faithfulness, other references, alignment, those of the natural network."""
        x, y = self.x[rows], self.y[rows]
        tasks = {task.map.method: task for task in self.suite.attributions.values()}
        for method, task in tasks.items() if self.suite.faithful else ():
            name = f"faithfulness of {method}"

            def work(r, task=task):
                own: dict[str, Any] = {"batch_size": self.batch_size, "chunk": self.chunk, "seed": self.suite.seed}
                return faithfulness(self.network, x[r], y[r], task.map, task.comparison.ties, **own)

            columns = self._batched(name, x, work)
            self._describe(name, rows, columns)
            self.flags[name] = faithfulness_flags(columns)
        for method, task in tasks.items() if self.suite.referenced else ():
            if task.map.attribution.has_reference:
                self._look_at_references(method, task, rows)
        if self.suite.aligned:
            columns = self._batched(
                "alignment", x, lambda r: {"cosine": alignment.image_gradient_cosine(self.network, x[r], y[r], len(r))}
            )
            for method, task in tasks.items() if self.natural is not None else ():

                def work(r, task=task):
                    own = {"ties": task.comparison.ties, "batch_size": len(r), "chunk": self.chunk}
                    return {"a": alignment.map_agreement(self.network, self.natural, x[r], y[r], task.map, **own)}

                columns[f"{method}_as_natural"] = self._batched(f"agreement of {method}", x, work)["a"]
            self._describe("alignment", rows, columns)

    def _look_at_references(self, method, task, rows):
        x, y, name = self.x[rows], self.y[rows], f"references of {method}"

        def work(r):
            own: dict[str, Any] = {"batch_size": len(r), "chunk": self.chunk}
            return reference_sensitivity(self.network, x[r], y[r], task.map, task.comparison, **own).arrays()

        found = ReferenceSensitivity.from_arrays(self._batched(name, x, work))
        self.references[method] = found
        self._describe(name, rows, found.least_of_all(), found.of_images())

    def _describe(self, name, rows, columns, more_of_images=None):
        self._record(name, rows, {**columns, **(more_of_images or {})})
        self.summary[name] = {key: statistics.describe(values, *_bounds(key)) for key, values in columns.items()}
        self.summary[name]["examples"] = len(rows)

    def _batched(self, name, x, work, steps: int = 0) -> Arrays:
        """Calls work(rows[, tick]) for all batches of x, by way of `keep`, and joins the arrays that it returns."""
        parts = list(batches(len(x), self.batch_size))
        bar = self.progress.bar(len(parts) * max(steps, 1), self.place + name)
        out = []
        for i, rows in enumerate(parts):
            done = []

            def tick(done=done):
                done.append(1)
                bar.update()

            more = (tick,) if steps else ()
            out.append(self.keep(f"{name} {i}", functools.partial(work, rows, *more)))
            bar.update(max(steps, 1) - len(done))
        bar.close()
        return join_batches(out)

    def _record(self, task, rows, columns):
        for row, values in zip(rows, as_records(columns, len(rows))):
            self.records.append({"task": task, "index": int(self.chosen[row]), "label": int(self.y[row]), **values})


def evaluate(
    network: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    suite: Suite,
    *,
    batch_size: int = 100,
    chunk: int | None = None,
    progress: Progress = SILENT,
    keep: Keep = compute,
    natural: keras.Model | None = None,
) -> Evaluation:
    """Runs a suite of attacks on a network and measures what they change.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].
        suite: the attacks, and how many images they are made on.
        batch_size: images that are held at once.
        chunk: path points of each image that are held at once; None: all.
        progress: shows how far the evaluation is.
        keep: (key, work) -> the arrays that are stored for the key, or else those of work(); see
          `batch_cache.BatchCache`.
        natural: another network, whose maps this one's are compared with (ER, Table 8), and on which the suite's first
          attack on predictions is made once more (transfer; ART, Table 6); None: neither is done.

    Raises:
        InputError: where images, labels, network and suite do not fit each other.
    """
    say_hint()
    check_whole("batch_size", batch_size, 1)
    if chunk is not None:
        check_whole("chunk", chunk, 1)
    x, y = checked(network, x, y)
    if natural is not None:
        check_network(natural, x)
        if natural.output_shape[-1] != network.output_shape[-1]:
            raise InputError(
                f"the natural network knows {natural.output_shape[-1]} classes, the network {network.output_shape[-1]}"
            )
    suite.check(network, x.shape[1:])
    return Evaluator(
        network, x, y, suite, batch_size=batch_size, chunk=chunk, progress=progress, keep=keep, natural=natural
    ).run()


# Shares and probabilities; all other measures are correlations and cosines.
_SHARES = ("top_k_intersection", "lens_recall", "lens_precision", "top_k_div")
_SHARES += ("deletion", "insertion", "deletion_random", "insertion_random")


def summarize_maps(
    scores: Mapping[str, np.ndarray],
    maps: AttackedMaps,
    eps: float,
    describe: Callable[..., dict[str, float]] = statistics.describe,
) -> dict[str, Any]:
    """The summary of a task on maps, as plain values.

    Args:
        scores: name -> [N] for each image.
        maps: of the N images under the attack.
        eps: of the attack.
        describe: (values, least, most) -> the statistics of a score.
    """
    return {
        **{key: describe(values, *_bounds(key)) for key, values in scores.items()},
        **{f"share_not_{key}": float(np.mean(~maps.fates[key])) for key in FATES},
        "examples": len(maps),
        "eps": eps,
    }


def _bounds(measure: str) -> tuple[float, float]:
    """The smallest and the largest value of a measure, whatever prefix its name has."""
    return (0.0 if measure.endswith(_SHARES) else -1.0), 1.0


def checked(network: keras.Model, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Checks that images, labels and a network fit each other.

    Args:
        network: logits out.
        x: images [N,H,W,C] in [0, 1].
        y: labels [N].

    Returns:
        (x as float32, y as int32).

    Raises:
        InputError: where they do not.
    """
    x, y = np.asarray(x), np.asarray(y)
    check_images(x)
    x = x.astype(np.float32)
    check_network(network, x)
    return x, check_labels(y, len(x), network.output_shape[-1])
