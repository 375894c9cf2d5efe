"""Builds a release: a folder with the networks of finished runs, a card and the settings of each, and the index."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import claimed
from tfrobust.experiments.saved_runs import NETWORK, SETTINGS
from tfrobust.progress import SILENT, Progress
from tfrobust.report import write_text
from tfrobust.zoo.card import network_card
from tfrobust.zoo.fetch import fetch_index, sha256_of
from tfrobust.zoo.index import INDEX, MOST_FILE_BYTES, Index, ZooNetwork
from tfrobust.zoo.runs import Row, finished_runs, read_run, settings_in, step_costs

_SEED = re.compile(r"seed\d+")  # The folder of a comparison's runs of one seed.


@dataclass(frozen=True)
class Built:
    """What a call of `add_runs` did.

    Attributes:
        index: of the release.
        added: names of the networks of these runs.
        left_out: sentences about what was left out.
    """

    index: Index
    added: list[str]
    left_out: list[str]


def add_runs(
    folder: str,
    release: str,
    *,
    rows: Mapping[str, Row],
    prefix: str = "",
    licence: str = "",
    progress: Progress = SILENT,
) -> Built:
    """Adds the finished runs of a folder to a release; the same runs again change nothing.

    Args:
        folder: of a comparison, a sweep or a training.
        release: folder of the release; it is made.
        rows: name of a run's folder -> what trained it, as far as that is known.
        prefix: of the networks' names; their data set where it is empty.
        licence: of the weights.
        progress: is shown how far it is.

    Raises:
        InputError: where there is no finished run, or the release has another network of the same name.
    """
    runs = finished_runs(folder)
    if not runs:
        raise InputError(f"{folder} holds no finished run: network.keras, run.flags and run.json in one folder")
    costs = step_costs(folder)
    with claimed(make_writable_folder(release), progress=progress):
        index = index_of(release)
        made, left_out, sources = [], [], {}
        bar = progress.bar(len(runs), "networks")
        for run in runs:
            name, own = _name_in(run, folder, prefix), _row_name(run)
            network, others = read_run(run, name, rows.get(own), licence=licence, cost=costs.get(own))
            _check_new(index, network, release)
            if name in sources:
                raise InputError(f"{run} and {sources[name]} would both be {name}: give each folder a --prefix")
            made.append(network)
            sources[name] = run
            left_out += others
            bar.update()
        bar.close()
        for network in made:
            _write(release, network, os.path.join(sources[network.name], NETWORK))
        index = index.with_networks(made)
        write_text(os.path.join(release, INDEX), index.as_text())
    return Built(index, [network.name for network in made], left_out)


def index_of(release: str) -> Index:
    """The index of a release; an empty one where there is none yet."""
    return fetch_index(release) if os.path.exists(os.path.join(release, INDEX)) else Index()


def _row_name(run) -> str:
    """The name of a run's folder, which is that of its row."""
    return os.path.basename(os.path.abspath(run))


def _name_in(run, folder, prefix) -> str:
    """The name of a run's network: prefix or data set, row and seed."""
    with open(os.path.join(run, SETTINGS), encoding="utf-8") as file:
        dataset = settings_in(file.read()).get("dataset", "")
    parts = os.path.relpath(run, folder).split(os.sep)
    seeds = [match[0] for part in parts[:-1] if (match := _SEED.fullmatch(part))]
    stem = os.path.splitext(os.path.basename(os.path.normpath(dataset)))[0]
    name = "-".join(filter(None, [prefix or stem, _row_name(run), *seeds[:1]]))
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-")[:100]


def _check_new(index, network: ZooNetwork, release) -> None:
    if network.bytes > MOST_FILE_BYTES:
        raise InputError(f"{network.name} has {network.bytes:,} bytes, more than {MOST_FILE_BYTES:,}")
    there = next((each for each in index.networks if each.name == network.name), None)
    if there is not None and there.sha256 != network.sha256:
        raise InputError(f"{release} has another network named {network.name}: give --prefix, or another --output")


def _write(release, network, source) -> None:
    """The network's file, its settings and its card; what is there already with the same bytes is not copied again."""
    path = os.path.join(release, network.file)
    if not os.path.exists(path) or sha256_of(path) != network.sha256:
        shutil.copyfile(source, f"{path}.part")
        os.replace(f"{path}.part", path)
    write_text(os.path.join(release, network.flags), network.settings)
    write_text(os.path.join(release, network.card), network_card(network))
