"""Converts flags to a `Recipe` and back; a flagfile holds the recipe of one row of a paper's table.

Only this module, and those of its groups of flags (data_flags, ...), know which flag sets what.
"""

import os
from collections.abc import Sequence

from absl import flags

from flags import data_flags, flagfiles, model_flags, objective_flags, saliency_flags, training_flags
from flags.parsing import parse
from tfrobust.errors import InputError
from tfrobust.experiments.recipe import ModelSpec, NetworkOrigin, Recipe, SaliencySource
from tfrobust.experiments.settings_file import text_of

ROOMS = (
    data_flags.define,
    model_flags.define,
    objective_flags.define,
    saliency_flags.define,
    training_flags.define,
)


# Settings of a run that do not change the weights.
OF_THE_MACHINE = ("data_dir", "download", "evaluate_on", "saliency_dir", "checkpoint_every", "memory_gb")
# Flags with which a verb says where the recipes that it reads find their images, teachers and maps.
OF_THE_SOURCE = ("data_dir", "image_size", "download", "saliency_dir")


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for what can be refused without TensorFlow: names, the training plan, sources of maps."""
    model_flags.check(fv)
    objective_flags.check(fv)
    training_flags.from_flags(fv)
    saliency_flags.from_flags(fv)


def from_flags(fv: flags.FlagValues, name: str = "", within: tuple[str, ...] = ()) -> Recipe:
    """The recipe that the flags describe; raises InputError.

    Args:
        fv: flags of ROOMS.
        name: of the recipe; the method's unless given.
        within: flagfiles that are being read, as their recipes need this one.
    """
    check(fv)
    sources = saliency_flags.from_flags(fv)
    return Recipe(
        name=name or fv.method,
        data=data_flags.from_flags(fv),
        model=ModelSpec(
            fv.model,
            fv.width,
            fv.initialization,
            _initial(fv, within),
            fv.normalization,
            fv.bias,
            fv.feature_smoothing,
        ),
        objective=objective_flags.from_flags(fv),
        training=training_flags.from_flags(fv),
        saliency=tuple(
            SaliencySource(kind, _origin(teacher, fv, within) if teacher else None) for kind, teacher in sources
        ),
        saliency_dir=fv.saliency_dir,
        memory_gb=fv.memory_gb,
    )


def read_flags(flagfile: str, overrides: Sequence[str] = ()) -> flags.FlagValues:
    """The flags of a flagfile, checked as far as that costs no TensorFlow; overrides (--name=value) win over it.

    Raises:
        InputError: also where the flagfile says where to write, as it may come from somebody else.
    """
    fv = parse(ROOMS, [flagfile, f"--flagfile={flagfile}", *overrides])
    if fv.saliency_dir and not any(text.startswith("--saliency_dir") for text in overrides):
        raise InputError(f"{flagfile} sets --saliency_dir, a folder to write into: give it on the command line instead")
    check(fv)
    return fv


def read(flagfile: str, overrides: Sequence[str] = (), name: str = "", within: tuple[str, ...] = ()) -> Recipe:
    """The recipe in a flagfile; overrides (--name=value) win over it.  See `from_flags` for the rest."""
    path = os.path.realpath(flagfiles.find(flagfile))
    if path in within:
        raise InputError(f"{flagfile} needs a network that needs {flagfile}: give a saved one")
    return from_flags(read_flags(flagfile, overrides), name, (*within, path))


def write(recipe: Recipe) -> str:
    """The recipe as a flagfile, from which `read` makes the same one."""
    data, training = recipe.data, recipe.training
    return text_of(
        {
            **recipe.identity(),
            "data_dir": data.data_dir,
            "download": data.download,
            "evaluate_on": data.evaluate_on,
            "checkpoint_every": training.checkpoint_every,
            "saliency_dir": recipe.saliency_dir,
            "memory_gb": recipe.memory_gb,
        }
    )


def source_overrides(fv: flags.FlagValues) -> list[str]:
    """Overrides that make a recipe look for its images, teachers and maps where the flags of a verb say."""
    given = {name: fv[name].value for name in OF_THE_SOURCE if name in fv}
    return [f"--{name}={value}" for name, value in given.items() if value not in (None, "")]


def name_of(flagfile: str) -> str:
    """The name of a flagfile's recipe, which becomes a folder's; raises InputError where it would be another folder."""
    name = os.path.basename(flagfile).removesuffix(".flags")
    if not name.strip(". "):
        raise InputError(f"{flagfile!r} is no name of a flagfile")
    return name


def _initial(fv: flags.FlagValues, within: tuple[str, ...]) -> NetworkOrigin | None:
    path = fv.initial_network
    if not path:
        return None
    if not os.path.exists(flagfiles.find(path)):
        raise InputError(f"--initial_network={path}: no such file")
    return _origin(path, fv, within)


def _origin(path: str, fv: flags.FlagValues, within: tuple[str, ...]) -> NetworkOrigin:
    """A saved network, or that of a flagfile, which may leave the data set to the one that needs it."""
    if not path.endswith(".flags"):
        return NetworkOrigin(path)
    return NetworkOrigin(path, read(path, [f"--dataset={fv.dataset}"], name="", within=within))
