"""The flags of the zoo, and what the flags of a comparison say of its rows."""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING

from absl import flags

from flags import flagfiles, recipe_flags
from flags.parsers import define_memory, define_points
from tfrobust.errors import InputError

if TYPE_CHECKING:
    from tfrobust.zoo import Row

ACTIONS = ("list", "get", "evaluate", "build", "board")
ENVIRONMENT = "TFROBUST_ZOO"  # Names the index where no flag does.
NAMED = ("get", "evaluate")  # Actions that are about one network.
_OWN_NAME = re.compile(r"[A-Za-z0-9_-]{0,40}")


def define(fv: flags.FlagValues) -> None:
    """What is done (the first word), with which network (the second), of which index."""
    where = {"flag_values": fv}
    flags.DEFINE_enum("action", None, ACTIONS, "What is done. Required, or the first word.", **where)
    flags.DEFINE_string("name", None, "Network, for get and evaluate; or the second word.", **where)
    flags.DEFINE_string(
        "index",
        None,
        "Index of a release: a path, or an address of http or https (what the environment's "
        f"{ENVIRONMENT} says unless given; there is no other default).",
        **where,
    )
    flags.DEFINE_string("folder", "zoo", "get, evaluate: folder of networks and of what is measured.", **where)
    flags.mark_flag_as_required("action", fv)


def define_evaluation(fv: flags.FlagValues) -> None:
    """evaluate: which evaluations, on images from where."""
    where = {"flag_values": fv}
    flags.DEFINE_list("evaluations", [], "Names of the recorded evaluations (all unless given).", **where)
    flags.DEFINE_string("data_dir", None, "Folder of the data sets (see launch.train).", **where)
    flags.DEFINE_bool("download", False, "Let TFDS download a data set that is not there.", **where)
    flags.DEFINE_string("dataset", None, "Your own file or folder, where the recorded images were one.", **where)
    flags.DEFINE_bool(
        "keep_images", False, "Leave the attacked images, as launch.evaluate does: the bound of launch.verify.", **where
    )
    define_points("map_chunk", "Path points held at once (all unless given); auto: what --memory_gb allows.", fv)
    define_memory(fv)


def define_release(fv: flags.FlagValues) -> None:
    """build, board: from what, and where to."""
    where = {"flag_values": fv}
    flags.DEFINE_list(
        "runs", [], "build: folders of launch.compare, launch.sweep or launch.train; others are added later.", **where
    )
    flags.DEFINE_list(
        "rows",
        [],
        "build: flagfiles of the runs, which have the name of their folder (those of a comparison are known).",
        **where,
    )
    flags.DEFINE_string("prefix", "", "build: of the networks' names (their data set unless given).", **where)
    flags.DEFINE_string("licence", "", "build: of the weights, as Hugging Face names it: apache-2.0.", **where)
    flags.DEFINE_string("output", None, "build: folder of the release. board: the HTML file.", **where)


ROOMS = (define, define_evaluation, define_release)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for flags that do not go together; this costs no TensorFlow."""
    if fv.action in NAMED and not fv.name:
        raise InputError(f"{fv.action} needs the name of a network: `zoo list` shows them")
    if fv.name and fv.action not in NAMED:
        raise InputError(f"cannot make sense of {fv.name!r}: {fv.action} is about no single network")
    if fv.action == "build":
        if not fv.runs or not fv.output:
            raise InputError("build needs --runs, folders of finished runs, and --output, the folder of the release")
        if not _OWN_NAME.fullmatch(fv.prefix):
            raise InputError(f"--prefix={fv.prefix!r} must be at most 40 letters, digits, _ and -")
        for flagfile in fv.rows:
            recipe_flags.read_flags(flagfile)
    else:
        index_of(fv)
    if fv.action == "board" and not fv.output:
        raise InputError("board needs --output, the HTML file that it writes")


def index_of(fv: flags.FlagValues) -> str:
    """The index that is asked for; raises InputError where there is none."""
    place = fv.index or os.environ.get(ENVIRONMENT)
    if not place:
        raise InputError(
            f"give --index, the address or path of the index of a release, or set {ENVIRONMENT}: there is no default"
        )
    return place


def rows_of(folder: str, given: list[str]) -> dict[str, Row]:
    """name of a run -> its row, as the flagfiles that a comparison leaves say, and as --rows says.

    Args:
        folder: of the runs.
        given: flagfiles of --rows.
    """
    from tfrobust.zoo import Row

    found = {}
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.flags"))):
        said = dict(
            line.removeprefix("--").partition("=")[::2] for line in flagfiles.spelled_out([f"--flagfile={path}"])
        )
        overrides = tuple(each for each in said.get("overrides", "").split(",") if each and not _of_the_source(each))
        for flagfile in filter(None, said.get("rows", "").split(",")):
            found[recipe_flags.name_of(flagfile)] = Row(_shown(flagfile), overrides)
    for flagfile in given:
        found[recipe_flags.name_of(flagfile)] = Row(_shown(flagfile))
    return found


def _of_the_source(override: str) -> bool:
    return override.removeprefix("--").partition("=")[0] in recipe_flags.OF_THE_MACHINE


def _shown(flagfile: str) -> str:
    """The flagfile as others find it: of a file of the reader's own its name without the folder."""
    own = os.path.normpath(flagfile)
    return own if own.startswith(f"flags{os.sep}") else os.path.basename(own)
