"""The flags of saliency maps beside the training images, and the sources they name."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from absl import flags

from flags import flagfiles
from tfrobust.errors import InputError
from tfrobust.names import ANNOTATIONS, SAT_MAPS


class Source(NamedTuple):
    """kind: an annotation of the data, or a method with the teacher whose maps it makes: a saved network or a
    flagfile."""

    kind: str
    teacher: str = ""


def define(fv: flags.FlagValues) -> None:
    """Saliency maps beside the images, for sat, pgd_sat and trades_sat."""
    flags.DEFINE_list(
        "saliency",
        [],
        f"Sources, of which training draws one per batch: {', '.join(ANNOTATIONS)} (of the data), or METHOD:TEACHER, "
        f"METHOD one of {', '.join(SAT_MAPS)}, TEACHER a .keras file or a flagfile, which is trained if need be.",
        flag_values=fv,
    )
    flags.DEFINE_string(
        "saliency_dir",
        None,
        "Folder where teachers and maps are kept; beside the data unless given (digits: ~/.cache/tfrobust).",
        flag_values=fv,
    )


def from_flags(fv: flags.FlagValues) -> Sequence[Source]:
    """The sources; raises InputError for one that nobody knows."""
    return [_source(text) for text in fv.saliency]


def _source(text: str) -> Source:
    kind, _, teacher = text.partition(":")
    if kind in ANNOTATIONS and not teacher:
        return Source(kind)
    if kind not in SAT_MAPS or not teacher.endswith((".keras", ".flags")):
        known = f"{', '.join(ANNOTATIONS)}, or one of {', '.join(SAT_MAPS)} with :TEACHER.keras or :TEACHER.flags"
        raise InputError(f"--saliency={text}: give {known}")
    if not os.path.exists(flagfiles.find(teacher)):
        raise InputError(f"--saliency={text}: no file {teacher}")
    return Source(kind, teacher)
