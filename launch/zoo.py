"""Networks behind a table: lists, fetches and evaluates those of a release, builds one, and makes a board of it.

    python -m launch.zoo list --index=INDEX
    python -m launch.zoo get NAME --index=INDEX
    python -m launch.zoo evaluate NAME --index=INDEX --data_dir=DATA

INDEX is the index.json of a release, or its folder: a path, or an address of http or https.  A file is fetched into
--folder only with the size and the SHA-256 that the index names, and loaded by the loader that runs no code of a file.
evaluate runs the recorded evaluations again with their settings and shows measured beside recorded; its exit code is 3
where a number lies outside its recorded 95 % interval.  Stopped, the same command goes on.

    python -m launch.zoo build --runs=runs/rar_mnist --output=release
    python -m launch.zoo board --index=release --output=board.html

build adds finished runs of launch.compare, launch.sweep and launch.train to a release: NAME.keras, settings and card of
each, and the index.  board writes one HTML file with a line for each network, to be sorted and filtered.
"""

import os
import sys

from flags import strategy_flags, zoo_flags
from flags.parsing import words_as_flags
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.report import Column, markdown, write_text

NETWORKS = (
    Column("name", "network"),
    Column("dataset", "data set"),
    Column("method", "method"),
    Column("mib", "MiB", ".1f"),
    Column("evaluations", "evaluations"),
    Column("keras", "Keras"),
)
NUMBERS = (
    Column("task", "task"),
    Column("measure", "measure"),
    Column("recorded", "recorded", ".4f"),
    Column("low", "95 % from", ".4f"),
    Column("high", "to", ".4f"),
    Column("measured", "measured", ".4f"),
    Column("difference", "difference", "+.1e"),
    Column("holds", "within"),
)


def list_networks(fv) -> None:
    from tfrobust import zoo

    index = zoo.fetch_index(zoo_flags.index_of(fv))
    rows = [
        {
            "name": network.name,
            "dataset": network.dataset,
            "method": network.method,
            "mib": network.bytes / 2**20,
            "evaluations": ", ".join(record.name for record in network.evaluations),
            "keras": str(network.versions.get("keras", "")),
        }
        for network in index.networks
    ]
    print(markdown(rows, NETWORKS) if rows else "the index names no network")


def get(fv) -> None:
    _, path = _fetched(fv)
    print(f"written: {path}")


def evaluate(fv) -> None:
    from tfrobust import zoo
    from tfrobust.evaluation.attacked_images import write_attacked
    from tfrobust.experiments.fingerprints import fingerprint_network
    from tfrobust.experiments.folder_lock import claimed
    from tfrobust.memory_budget import Chunking
    from tfrobust.networks import in_float32, load_network

    network, path = _fetched(fv)
    outside = []
    for record in _asked(network, fv.evaluations):
        folder = make_writable_folder(os.path.join(fv.folder, network.name, record.name), "--folder")
        with claimed(folder, progress=SCREEN):
            again = zoo.evaluate_again(
                path,
                record,
                folder,
                data_dir=fv.data_dir,
                download=fv.download,
                dataset=fv.dataset,
                held=Chunking(points=fv.map_chunk, memory_gb=fv.memory_gb),
                progress=SCREEN,
            )
            if fv.keep_images:
                fingerprint = fingerprint_network(in_float32(load_network(path)))
                write_attacked(os.path.join(folder, "attacked"), again.result, fingerprint)
        print(_page(network.name, record, again))
        outside += [f"{record.name}: {each.task}: {each.measure}" for each in again.outside]
    if outside:
        raise verb.GateError(f"{network.name}: outside the recorded interval: {', '.join(outside)}")


def build(fv) -> None:
    from tfrobust import zoo

    for folder in fv.runs:
        rows = zoo_flags.rows_of(folder, fv.rows)
        built = zoo.add_runs(folder, fv.output, rows=rows, prefix=fv.prefix, licence=fv.licence, progress=SCREEN)
        for sentence in built.left_out:
            print(f"left out: {sentence}")
        print(f"{folder}: {', '.join(built.added)}")
    print(f"written: {fv.output}, {len(built.index.networks)} networks")


def board(fv) -> None:
    from tfrobust import zoo

    make_writable_folder(os.path.dirname(fv.output) or ".")
    write_text(fv.output, zoo.board_page(zoo.fetch_index(zoo_flags.index_of(fv))))
    print(f"written: {fv.output}")


def _fetched(fv):
    """(the network as the index has it, the path of its file in --folder); its card is written beside it."""
    from tfrobust import zoo

    place = zoo_flags.index_of(fv)
    network = zoo.fetch_index(place).named(fv.name)
    path = zoo.fetch_network(place, network, make_writable_folder(fv.folder, "--folder"))
    write_text(os.path.join(fv.folder, network.card), zoo.network_card(network))
    write_text(os.path.join(fv.folder, network.flags), network.settings)
    return network, path


def _asked(network, names):
    """The evaluations of those names, all of them where there are none."""
    known = {record.name: record for record in network.evaluations}
    for name in names:
        if name not in known:
            raise InputError(f"{network.name} has no evaluation {name!r}: choose of {', '.join(known) or 'none'}")
    if not known:
        raise InputError(f"{network.name} has no recorded evaluation")
    return [known[name] for name in names or known]


def _page(name, record, again) -> str:
    """Measured beside recorded, and how much of it holds."""
    rows = [
        {**each._asdict(), "difference": each.difference, "holds": "yes" if each.holds else "NO"}
        for each in again.numbers
    ]
    largest = max((abs(each.difference) for each in again.numbers), default=0.0)
    within = len(rows) - len(again.outside)
    said = f"{name}, evaluation {record.name}: {within} of {len(rows)} numbers within their recorded intervals, "
    said += f"largest difference {largest:.1e}."
    if again.missing:
        said += f" Not measured now: {', '.join(again.missing)}."
    return f"{markdown(rows, NUMBERS)}\n{said}\n"


DOES = {"list": list_networks, "get": get, "evaluate": evaluate, "build": build, "board": board}


def zoo_verb(fv) -> None:
    DOES[fv.action](fv)


def main(argv=None) -> int:
    given = words_as_flags(sys.argv if argv is None else argv, "action", "name")
    rooms = (*zoo_flags.ROOMS, strategy_flags.define_of_one_process)
    return verb.run("zoo", __doc__, rooms, zoo_verb, argv=given, check=zoo_flags.check)


if __name__ == "__main__":
    verb.as_process(main)
