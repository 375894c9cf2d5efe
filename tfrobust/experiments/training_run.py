"""Trains a recipe in a folder of its own, and resumes there what was interrupted."""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tfrobust import training
from tfrobust.checks import make_writable_folder
from tfrobust.data import ImageData, to_unit, training_batches
from tfrobust.distribution import all_processes_agree, check_shared_folder, chief_only_path, is_chief
from tfrobust.experiments.fingerprints import fingerprint_arrays, fingerprint_network, versions
from tfrobust.experiments.folder_lock import Claim, claimed
from tfrobust.experiments.provenance import describe_source
from tfrobust.experiments.recipe import AUTO, Recipe
from tfrobust.experiments.saved_runs import NETWORK, RUN, SETTINGS, is_finished
from tfrobust.experiments.settings_file import different_lines, text_of
from tfrobust.kernels import check_precision
from tfrobust.memory_budget import MOST_POINTS, Chunking
from tfrobust.monitoring.hyperparameters import Hyperparameters
from tfrobust.monitoring.training_bar import TrainingBar
from tfrobust.networks import load_network, trains_image_by_image
from tfrobust.networks.bfloat16 import in_bfloat16
from tfrobust.progress import SILENT, Bar, Progress
from tfrobust.report import write_json, write_text
from tfrobust.types import Batch, InputError, Objective

Callbacks = Callable[[keras.Model, int], Sequence[keras.callbacks.Callback]]


def train(
    recipe: Recipe,
    data: ImageData,
    directory: str,
    progress: Progress = SILENT,
    callbacks: Callbacks = lambda network, start: (),
    *,
    wait: bool = False,
) -> training.Trained:
    """Trains the recipe in `directory`, from where it stands: its checkpoint, or nothing at all when it is finished.

    Leaves network.keras, run.flags (a flagfile that repeats the run), run.json, tensorboard/ and checkpoints/.

    Args:
        recipe: what makes the weights.
        data: its images (`recipe.data.read()`), with its saliency maps (`saliency_maps.with_saliency`).
        directory: is made where it is missing.
        progress: is shown how far it is; where it says stop, the next step is saved and TrainingStoppedError raised.
        callbacks: (network, step the run begins at) -> further ones.
        wait: for another process that writes the directory, instead of refusing.

    Returns:
        The network, the seconds that its training took in all, and the step this call began at.

    Raises:
        InputError: where the recipe does not fit the images, or the directory holds a run with other settings, images
            or maps, or is written by another process.
        TrainingDivergedError, TrainingStoppedError, OSError: see `training.train`.
    """
    check_recipe(recipe, data)
    source = describe_source()
    initial = _initial(recipe, data, progress)
    network = new_network(recipe, data)
    if initial is not None:
        _take_weights(network, initial, recipe.model.initial)
    objective = objective_of(recipe, lambda: network, progress)
    training.check(network, objective, _two_of(data))
    spec = recipe.training.in_steps(data.train_size)
    if hasattr(objective, "noise_alone") and objective.noise_alone(spec.steps, spec.batch_size, data.train_size):
        progress.say(f"{recipe.name}: so short a training draws noise alone and uses no saliency map (--anneal=step)")

    def all_callbacks(start):
        bar = TrainingBar(progress, spec.steps, recipe.name, start)
        own = [Hyperparameters(directory, recipe.given())] if is_chief() else []
        return [bar, *own, *(callbacks(network, start) if is_chief() else ())]

    with claimed(make_writable_folder(directory), wait, progress) as claim, progress.saving():
        check_shared_folder(directory)
        _own(directory, recipe, settings_of(recipe, data, initial))
        trained = training.train(
            network,
            objective,
            lambda start, part, parts: training_batches(
                data, spec.batch_size, spec.seed, start, part=part, parts=parts
            ),
            data.train_size,
            spec,
            directory=directory,
            callbacks=all_callbacks,
            progress=_Checked(progress, claim),
        )
        if not all_processes_agree(trained.resumed_at == spec.steps and is_finished(directory)):
            _save(network, directory)
            if is_chief():
                done = {"steps": spec.steps, "seconds": trained.seconds, **source}
                write_json(os.path.join(directory, RUN), done)
        all_processes_agree(True)  # From here on every process finds the finished run.
    return trained


class _Checked(Progress):
    """Hands a run's progress on, and ends the run once another process has taken its folder."""

    def __init__(self, progress: Progress, claim: Claim):
        self._progress, self._claim = progress, claim

    def bar(self, total: int, what: str, initial: int = 0) -> Bar:
        return self._progress.bar(total, what, initial)

    def say(self, line: str) -> None:
        self._progress.say(line)

    def stopped(self) -> bool:
        self._claim.check()
        return self._progress.stopped()


def _two_of(data: ImageData) -> Batch:
    """Two training images as they are, with their labels and maps."""
    maps = None if data.saliency is None else tf.constant(data.saliency[:2], tf.float32)
    return Batch(tf.constant(to_unit(data.x_train[:2])), tf.constant(data.y_train[:2]), maps)


def check_recipe(recipe: Recipe, data: ImageData) -> None:
    """Raises InputError where the `recipe` cannot be trained on these images."""
    if recipe.training.batch_size > data.train_size:
        raise InputError(f"batch_size {recipe.training.batch_size} exceeds the {data.train_size} training images")
    check_precision(recipe.training.precision)


def new_network(recipe: Recipe, data: ImageData) -> keras.Model:
    """The untrained network of the `recipe` for the images of `data`; its weights are a function of the seed."""
    keras.utils.set_random_seed(recipe.training.seed)
    network = recipe.model.make(data, recipe.training.seed)
    return in_bfloat16(network) if recipe.training.precision == "bfloat16" else network


def objective_of(recipe: Recipe, network: Callable[[], keras.Model], progress: Progress = SILENT) -> Objective:
    """The objective of a recipe; where its chunk is "auto", with as many path points at once as fit into the memory.

    Args:
        recipe: of the run.
        network: gives the network that is trained; asked only where the points that fit depend on it.
        progress: is told how many points were chosen.
    """
    objective = recipe.objective
    if getattr(objective, "chunk", None) != AUTO:
        return objective
    points = Chunking(recipe.training.batch_size, AUTO, recipe.memory_gb).points_for(network())
    shown = f"{points} points of a path" if points < MOST_POINTS else "all points"
    progress.say(f"{recipe.name}: {shown} at once")
    return dataclasses.replace(objective, chunk=points)


def settings_of(recipe: Recipe, data: ImageData, initial: keras.Model | None = None) -> str:
    """What makes the weights, as text: the recipe's settings, and digests of the rest as comments.

    The digests are of the images, maps and initial weights; the number of replicas is there only where the network
    looks at more than one image, as with BatchNormalization.

    Args:
        recipe: of the run.
        data: its images and maps.
        initial: the network whose weights it starts from; None: it draws them.
    """
    lines = [f"# images {fingerprint_arrays(data.x_train, data.y_train)}"]
    if data.saliency is not None:
        lines.append(f"# saliency maps {fingerprint_arrays(data.saliency)}")
    if initial is not None:
        lines.append(f"# initial weights {fingerprint_network(initial)}")
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1 and not trains_image_by_image(new_network(recipe, data), to_unit(data.x_train[:4])):
        lines.append(f"# {replicas} replicas")
    return text_of(recipe.identity()) + "".join(f"{line}\n" for line in lines)


def trained_network(recipe: Recipe, data: ImageData, folder: str, progress: Progress = SILENT) -> keras.Model:
    """The network of a recipe that another one needs, trained unless it has been.

    Args:
        recipe: of the network that is needed.
        data: its images, with their maps.
        folder: the run has a folder of its own below it.
        progress: is shown how far it is.

    Raises:
        InputError: see `train`.
    """
    # A run that one version of Keras began cannot be resumed by the other.
    parts = settings_of(recipe, data), versions()["keras"].split(".")[0]
    directory = os.path.join(folder, f"{recipe.name}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}")
    progress.say(f"{recipe.name} first: {directory}")
    train(recipe, data, directory, progress, wait=True)
    return load_network(os.path.join(directory, NETWORK))


def _initial(recipe: Recipe, data: ImageData, progress: Progress) -> keras.Model | None:
    """The network whose weights the recipe starts from, trained first where it is another recipe's."""
    origin = recipe.model.initial
    if origin is None:
        return None
    if origin.recipe is None:
        return load_network(origin.file)
    # The same network of another method: its seed, width and length of training come from this one.
    model = dataclasses.replace(
        origin.recipe.model,
        width=recipe.model.width,
        initialization=recipe.model.initialization or origin.recipe.model.initialization,
    )
    first = dataclasses.replace(origin.recipe.on_data_of(recipe).seeded(recipe.training.seed), model=model)
    folder = make_writable_folder(recipe.saliency_folder(), "--saliency_dir")
    return trained_network(first, first.data.augment(data), folder, progress)


def _take_weights(network, initial, origin) -> None:
    theirs = initial.get_weights()
    if [w.shape for w in theirs] != [w.shape for w in network.get_weights()]:
        raise InputError(f"--initial_network={origin}: its weights do not fit the model {network.name!r}")
    network.set_weights(theirs)


def _own(directory: str, recipe: Recipe, wanted: str) -> None:
    """Marks the directory as that of a run with these settings; InputError where it is another run's."""
    path = os.path.join(directory, SETTINGS)
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            changed = different_lines(file.read(), wanted, recipe.defaults())
        if changed:
            raise InputError(
                f"{directory} holds a run with other settings ({' '.join(changed)}): give another --output, "
                "or remove that one"
            )
    elif is_chief():
        write_text(path, wanted)


def _save(network: keras.Model, directory: str) -> None:
    """Saves the network, whole or not at all.  Every process of a strategy takes part, the chief writes."""
    with chief_only_path(os.path.join(directory, "unfinished.keras")) as unfinished:
        try:
            network.save(unfinished)
            with open(unfinished, "rb") as file:
                os.fsync(file.fileno())
        except BaseException:
            if os.path.exists(unfinished):  # Half a file must not fill up a full disk.
                os.remove(unfinished)
            raise
        if is_chief():
            os.replace(unfinished, os.path.join(directory, NETWORK))
