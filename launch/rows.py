"""A row of a paper's table: one method on one data set with all its settings, which is one flagfile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Optional, Sequence

from absl import flags

from flags import model_flags, objective_flags, row_flags, training_flags
from launch.command_line import verb
from tfrobust.errors import InputError
from tfrobust.kernels import check_precision
from tfrobust.training_spec import TrainingSpec

if TYPE_CHECKING:
    import keras

    from tfrobust.data import ImageData

ROOMS = row_flags.ROOMS


class Row(NamedTuple):
    """name: of the method, for the screen.  flags: as given.  objective, spec: what and how to train."""

    name: str
    flags: flags.FlagValues
    objective: object
    spec: TrainingSpec


def make_row(fv: flags.FlagValues, name: str = "") -> Row:
    model_flags.check(fv)
    return Row(name or fv.method, fv, objective_flags.from_flags(fv), training_flags.from_flags(fv))


def read_row(flagfile: str, overrides: Sequence[str] = (), name: str = "") -> Row:
    """The row in a flagfile; overrides (--name=value) win over it."""
    return make_row(read_flags(flagfile, overrides), name)


def read_flags(flagfile: str, overrides: Sequence[str] = ()) -> flags.FlagValues:
    """The flags of the row in a flagfile, checked as far as that costs no TensorFlow.  InputError where the flagfile
    says where to write: it may come from somebody else."""
    fv = verb.parse(ROOMS, [flagfile, f"--flagfile={flagfile}", *overrides])
    if fv.saliency_dir and not any(text.startswith("--saliency_dir") for text in overrides):
        raise InputError(f"{flagfile} sets --saliency_dir, a folder to write into: give it on the command line instead")
    row_flags.check(fv)
    return fv


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
    import tensorflow as tf

    from tfrobust.data import to_unit
    from tfrobust.experiments.fingerprints import of_arrays, of_network
    from tfrobust.networks import trains_image_by_image

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
    import keras

    from tfrobust.networks.bfloat16 import in_bfloat16

    keras.utils.set_random_seed(row.spec.seed)
    network = model_flags.from_flags(row.flags, data)
    return in_bfloat16(network) if row.spec.precision == "bfloat16" else network


def check_row(row: Row, data: ImageData) -> None:
    """Raises InputError where the row cannot be trained on these images."""
    if row.spec.batch_size > data.train_size:
        raise InputError(f"batch_size {row.spec.batch_size} exceeds the {data.train_size} training images")
    check_precision(row.spec.precision)
