"""A row trained in a folder of its own, from where it stands there to its end."""

import hashlib
import os
from typing import Callable, Optional, Sequence

import keras

from flags import data_flags, saliency_flags
from launch.chunks import with_chunk
from launch.command_line import verb
from launch.command_line.devices import check_shared, saving
from launch.command_line.progress import SCREEN, Screen
from launch.command_line.training_bar import TrainingBar
from launch.rows import Row, at, check_row, given, given_settings, new_network, read_row, same_data, settings
from tfrobust import training
from tfrobust.data import ImageData, training_batches
from tfrobust.distribution import all_processes_agree, chief_only_path, is_chief
from tfrobust.experiments.fingerprints import versions
from tfrobust.experiments.folder_lock import Claim, claimed
from tfrobust.experiments.saved_runs import NETWORK, RUN, is_finished
from tfrobust.monitoring.hyperparameters import Hyperparameters
from tfrobust.networks import load_network
from tfrobust.report import write_json, write_text
from tfrobust.types import InputError

Callbacks = Callable[[keras.Model, int], Sequence[keras.callbacks.Callback]]


def train_row(
    row: Row,
    data: ImageData,
    directory: str,
    callbacks: Callbacks = lambda network, start: (),
    wait: bool = False,
) -> training.Trained:
    """Trains the row in `directory`, from where it stands: its checkpoint, or nothing at all when it is finished.

    A directory that holds a run with other settings, images or maps is refused, and so is one that another process
    writes, unless `wait` lets this one wait for it.  Leaves network.keras, run.flags (a flagfile that repeats the run),
    run.json, tensorboard/ and checkpoints/.  A signal to stop saves the next step first (see signals).  callbacks:
    (network, step the run begins at) -> further ones.
    """
    row = at(row, data)
    check_row(row, data)
    initial = _initial(row, data)
    network = new_network(row, data)
    if initial is not None:
        _take_weights(network, initial, row.flags.initial_network)
    training.check(network, row.objective, training_batches(data, 2, 0))
    row = with_chunk(row, network)

    def further(start):
        return [Hyperparameters(directory, given_settings(row.flags)), *callbacks(network, start)] if is_chief() else []

    with claimed(verb.output_folder(directory), wait, SCREEN) as claim, saving():
        check_shared(directory)
        _own(directory, settings(row, data, initial))
        trained = training.train(
            network,
            row.objective,
            lambda start, *part: training_batches(data, row.spec.batch_size, row.spec.seed, start, *part),
            data.train_size,
            row.spec,
            directory,
            lambda start: [TrainingBar(row.spec.steps, row.name, start), *further(start)],
            _Checked(claim),
        )
        if not all_processes_agree(trained.resumed_at == row.spec.steps and is_finished(directory)):
            _save(network, directory)
            if is_chief():
                done = {"steps": row.spec.steps, "seconds": trained.seconds, "versions": versions()}
                write_json(os.path.join(directory, RUN), done)
        all_processes_agree(True)  # Now all of them find it.
    return trained


class _Checked(Screen):
    """The screen; a run whose folder another process has taken ends there."""

    def __init__(self, claim: Claim):
        self._claim = claim

    def stopped(self) -> bool:
        self._claim.check()
        return super().stopped()


def _save(network: keras.Model, directory: str) -> None:
    """Saves the network, whole or not at all.  Every process of a strategy takes part, the chief writes."""
    with chief_only_path(os.path.join(directory, "unfinished.keras")) as unfinished:
        try:
            network.save(unfinished)
            with open(unfinished, "rb") as file:
                os.fsync(file.fileno())
        except BaseException:
            if os.path.exists(unfinished):  # What does not fit onto a full disk must not fill it.
                os.remove(unfinished)
            raise
        if is_chief():
            os.replace(unfinished, os.path.join(directory, NETWORK))


def _initial(row: Row, data: ImageData) -> Optional[keras.Model]:
    """The network whose weights the row starts from, trained first where it is a flagfile's."""
    path = row.flags.initial_network
    if not path:
        return None
    if not os.path.exists(path):
        raise InputError(f"--initial_network={path}: no such file")
    if not path.endswith(".flags"):
        return load_network(path)
    # The same network of another method: its seed, width and length of training come from this row's.
    first = read_row(path, [*same_data(row.flags), *given(row.flags, "seed", "width", "initialization")])
    folder = verb.output_folder(saliency_flags.folder(row.flags), "--saliency_dir")
    return network_of(first, data_flags.augmented(data, first.flags), folder)


def network_of(row: Row, data: ImageData, folder: str) -> keras.Model:
    """The network of a row that another row needs, trained in a folder of its own unless it has been."""
    # Runs of one Keras cannot be gone on with by the other.
    parts = settings(row, data), versions()["keras"].split(".")[0]
    directory = os.path.join(folder, f"{row.name}-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:16]}")
    print(f"{row.name} first: {directory}", flush=True)
    train_row(row, data, directory, wait=True)
    return load_network(os.path.join(directory, NETWORK))


def _take_weights(network, initial, path) -> None:
    theirs = initial.get_weights()
    if [w.shape for w in theirs] != [w.shape for w in network.get_weights()]:
        raise InputError(f"--initial_network={path}: its weights do not fit the model {network.name!r}")
    network.set_weights(theirs)


def _own(directory: str, wanted: str) -> None:
    """Makes the directory that of a run with these settings; InputError where it is another's."""
    path = os.path.join(directory, "run.flags")
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            there = file.read()
        if there != wanted:
            changed = sorted(set(there.splitlines()) ^ set(wanted.splitlines()))
            raise InputError(
                f"{directory} holds a run with other settings ({' '.join(changed)}): give another --output, "
                "or remove that one"
            )
    if is_chief():
        write_text(path, wanted)
