"""A row of a paper's table: one method on one data set with all its settings, which is one flagfile."""

import hashlib
import os
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

import keras
import tensorflow as tf
from absl import flags

from flags import data_flags, model_flags, objective_flags, saliency_flags, training_flags
from launch import signals, verb
from launch.chunks import with_chunk
from launch.claims import claimed
from launch.fingerprints import of_arrays, of_network, versions
from launch.hyperparameters import Hyperparameters
from launch.progress import TrainingBar, say
from launch.saved import NETWORK, load_network
from launch.workers import check_shared, saving
from tfrobust import training
from tfrobust.data import ImageData, to_unit, training_batches
from tfrobust.networks import trains_image_by_image
from tfrobust.precision import in_bfloat16
from tfrobust.replicas import discarded_on_workers, everyone, is_chief
from tfrobust.report import write_json, write_text
from tfrobust.types import InputError

RUN = "run.json"  # Written last: steps and seconds of a run that came to its end.
ROOMS = (
    data_flags.define,
    model_flags.define,
    objective_flags.define,
    saliency_flags.define,
    training_flags.define,
)


class Row(NamedTuple):
    """name: of the method, for the screen.  flags: as given.  objective, spec: what and how to train."""

    name: str
    flags: flags.FlagValues
    objective: object
    spec: training.TrainingSpec


def make_row(fv: flags.FlagValues, name: str = "") -> Row:
    model_flags.check(fv)
    return Row(name or fv.method, fv, objective_flags.from_flags(fv), training_flags.from_flags(fv))


def read_row(flagfile: str, overrides: Sequence[str] = (), name: str = "") -> Row:
    """The row in a flagfile; overrides (--name=value) win over it.  InputError where the flagfile says where to write:
    it may come from somebody else."""
    fv = verb.parse(ROOMS, [flagfile, f"--flagfile={flagfile}", *overrides])
    if fv.saliency_dir and not any(text.startswith("--saliency_dir") for text in overrides):
        raise InputError(f"{flagfile} sets --saliency_dir, a folder to write into: give it on the command line instead")
    return make_row(fv, name)


def name_of(flagfile: str) -> str:
    """The name of a flagfile's row, which becomes a folder's; raises InputError where it would be another folder."""
    name = os.path.basename(flagfile).removesuffix(".flags")
    if not name.strip(". "):
        raise InputError(f"{flagfile!r} is no name of a flagfile")
    return name


def at(row: Row, data: ImageData) -> Row:
    """The row with its plan in steps over these images, where it is in epochs."""
    return row._replace(spec=row.spec.in_steps(data.train_size))


def lasting(row: Row, steps: int) -> List[str]:
    """Overrides that make the row's plan last so many steps, its boundaries and ramp in their places."""
    if row.flags.epochs is not None:  # Such a plan is cut by itself.
        return [f"--steps={steps}"]
    spec = row.spec.lasting(steps)
    return [
        f"--steps={steps}",
        f"--boundaries={','.join(map(str, spec.boundaries))}",
        f"--learning_rates={','.join(map(str, spec.learning_rates))}",
        f"--eps_ramp_steps={spec.eps_ramp_steps}",
    ]


# What may change between two calls that are one run.
FREE = (
    "--data_dir=",
    "--saliency_dir=",
    "--output=",
    "--download",
    "--nodownload",
    "--evaluate_on=",
    "--checkpoint_every=",
    "--memory_gb=",
    "--probe",
    "--strategy=",
    "--replicas=",
    "--tpu=",
)


def resolved(fv: flags.FlagValues) -> str:
    """The flags that make the weights, as a flagfile that repeats the run."""
    lines = fv.flags_into_string().splitlines()
    return "".join(f"{line}\n" for line in sorted(lines) if line and not line.startswith(FREE))


def given_settings(fv: flags.FlagValues) -> Dict[str, object]:
    """Of the flags that make the weights, those that were given, by name."""
    names = [name for name in fv if fv[name].present and not f"--{name}=".startswith(FREE)]
    values = {name: fv[name].value for name in sorted(names)}
    return {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in values.items()}


def settings(row: Row, data: ImageData, initial: Optional[keras.Model] = None) -> str:
    """What makes the weights: the flags, and digests of the images, maps and initial weights as comments; the number of
    replicas only where the network looks at more than one image, as with BatchNormalization."""
    lines = [f"# images {of_arrays(data.x_train, data.y_train)}"]
    if data.saliency is not None:
        lines.append(f"# saliency maps {of_arrays(data.saliency)}")
    if initial is not None:
        lines.append(f"# initial weights {of_network(initial)}")
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas > 1 and not trains_image_by_image(new_network(row, data), to_unit(data.x_train[:4])):
        lines.append(f"# {replicas} replicas")
    return resolved(row.flags) + "".join(f"{line}\n" for line in lines)


def same_data(fv: flags.FlagValues) -> Sequence[str]:
    """Overrides that give another row the images of this one."""
    return [*same_source(fv), *given(fv, "dataset", "hold_out", "evaluate_on")]


def same_source(fv: flags.FlagValues) -> Sequence[str]:
    """Overrides that make another row look for its images, teachers and maps where this one does."""
    return given(fv, "data_dir", "image_size", "download", "saliency_dir")


def given(fv: flags.FlagValues, *names: str) -> List[str]:
    """Overrides that give another row the values of these flags, where there are any."""
    return [f"--{name}={fv[name].value}" for name in names if fv[name].value not in (None, "")]


def new_network(row: Row, data: ImageData) -> keras.Model:
    """The untrained network of the row; its weights are a function of the seed."""
    keras.utils.set_random_seed(row.spec.seed)
    network = model_flags.from_flags(row.flags, data)
    return in_bfloat16(network) if row.spec.precision == "bfloat16" else network


def check_row(row: Row, data: ImageData) -> None:
    """Raises InputError where the row cannot be trained on these images."""
    if row.spec.batch_size > data.train_size:
        raise InputError(f"batch_size {row.spec.batch_size} exceeds the {data.train_size} training images")


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

    with claimed(verb.output_folder(directory), wait) as claim, saving():
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
            stop=lambda: claim.check() or signals.asked() is not None,
            say=say,
        )
        if not everyone(trained.resumed_at == row.spec.steps and is_finished(directory)):
            _save(network, directory)
            if is_chief():
                write_json(os.path.join(directory, RUN), {"steps": row.spec.steps, "seconds": trained.seconds})
        everyone(True)  # Now all of them find it.
    return trained


def is_finished(directory: str) -> bool:
    """Whether a run in the directory came to its end."""
    return all(os.path.exists(os.path.join(directory, name)) for name in (NETWORK, RUN))


def _save(network: keras.Model, directory: str) -> None:
    """Saves the network, whole or not at all.  Every process of a strategy takes part, the chief writes."""
    with discarded_on_workers(os.path.join(directory, "unfinished.keras")) as unfinished:
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


def _own(directory: str, settings: str) -> None:
    """Makes the directory that of a run with these settings; InputError where it is another's."""
    path = os.path.join(directory, "run.flags")
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            there = file.read()
        if there != settings:
            changed = sorted(set(there.splitlines()) ^ set(settings.splitlines()))
            raise InputError(
                f"{directory} holds a run with other settings ({' '.join(changed)}): give another --output, "
                "or remove that one"
            )
    if is_chief():
        write_text(path, settings)
