"""The flags of a server: models, versions and labels."""

import os
import re
from collections.abc import Collection, Sequence

from absl import flags

from tfrobust.errors import InputError
from tfrobust.names import ALL, LATEST


def define(fv: flags.FlagValues) -> None:
    """What is served, where, and how much of it at once."""
    where = {"flag_values": fv}
    flags.DEFINE_multi_string("model", None, "NAME=FOLDER with versions; once for each model. Required.", **where)
    flags.DEFINE_string("versions", LATEST, "latest, all, or numbers such as 3,5: the versions served.", **where)
    flags.DEFINE_multi_string("label", None, "NAME:LABEL=N: version N of model NAME under a label too.", **where)
    flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0: all of this machine.", **where)
    flags.DEFINE_integer("port", 8501, "Port (0: a free one).", lower_bound=0, upper_bound=65535, **where)
    flags.DEFINE_integer("threads", 4, "Requests worked on at once; more wait.", 1, 1024, **where)
    flags.DEFINE_integer("max_connections", 1000, "Connections; a new one closes an idle one.", 300, 100_000, **where)
    flags.DEFINE_integer("max_batch", 128, "Examples in a request.", 1, 2**31 - 1, **where)
    flags.DEFINE_float("max_body_mb", 32, "Megabytes of a request, inflated.", 0.001, 2000, **where)
    flags.DEFINE_boolean("resize", False, "Resize a JPEG or PNG to the size the model takes.", **where)
    flags.DEFINE_float("poll_seconds", 2, "Time between looks for a newer version (0: never).", 0, 1e6, **where)
    flags.mark_flag_as_required("model", fv)


def check(fv: flags.FlagValues) -> None:
    """Raises InputError for models, versions and labels that are not written as they must be."""
    read_labels(fv.label, named_folders(fv))
    read_versions(fv.versions)


def named_folders(fv: flags.FlagValues) -> dict[str, str]:
    """name -> the folder of a model; raises InputError where --model does not say that."""
    folders = {}
    for text in fv.model:
        name, _, folder = text.rpartition("=")
        name = name or os.path.basename(os.path.normpath(folder))
        if name in folders or not re.fullmatch(r"[\w.-]+", name):
            raise InputError(f"--model={text}: {name!r} is there twice or no name: give NAME=FOLDER for each")
        folders[name] = folder
    return folders


def read_versions(text: str) -> str | Sequence[int]:
    """LATEST, ALL or the numbers."""
    if text in (LATEST, ALL):
        return text
    if not re.fullmatch(r"[0-9]{1,19}(,[0-9]{1,19})*", text):
        raise InputError(f"--versions={text}: give latest, all, or numbers such as 3,5")
    return tuple(sorted({int(number) for number in text.split(",")}))


def read_labels(given: Sequence[str] | None, models: Collection[str]) -> dict[str, dict[str, int]]:
    """name of the model -> label -> number of the version.  models: the names that there are."""
    labels = {}
    for text in given or ():
        found = re.fullmatch(r"([\w.-]+):([\w.-]+)=([0-9]{1,19})", text)
        if not found or found[1] not in models:
            raise InputError(f"--label={text}: give NAME:LABEL=N, the name of a --model and the number of a version")
        labels.setdefault(found[1], {})[found[2]] = int(found[3])
    return labels
