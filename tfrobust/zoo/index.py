"""The index of a release: for each network its file, what made it, how it was evaluated, and its scores.

It comes from an address as often as from a folder, so that nothing in it is believed: names cannot leave the folder,
sizes have bounds, numbers are finite, and what it says of an evaluation is made by classes that are known
(`evaluation.suite_reading`).
"""

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tfrobust.errors import InputError

SCHEMA = 1
INDEX = "index.json"  # Its name in the folder of a release.
MOST_INDEX_BYTES = 32 << 20
MOST_FILE_BYTES = 2 << 30  # Of a network.
MOST_NETWORKS = 10_000
MOST_TEXT = 20_000  # Characters of one text, such as the settings of a training.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

Scores = dict[str, dict[str, Any]]  # task -> measure -> mean, low and high, or a number such as eps or examples.


@dataclass(frozen=True)
class Reported:
    """A number that a paper prints for the row of a network.

    Attributes:
        paper, table, metric, attribution, variant: as in papers/reported.csv.
        value: a share, not per cent, where it is one.
    """

    paper: str
    table: str
    metric: str
    attribution: str
    variant: str
    value: float


@dataclass(frozen=True)
class EvaluationRecord:
    """An evaluation of a network, with all that repeats it.

    Attributes:
        name: of the evaluation, one of its kind for each network.
        suite: `Suite.as_dict()`.
        data: fields of `DataSpec` that say which images.
        images: the fingerprint of images and labels; empty where it was not kept.
        batch: images held at once.
        versions: of the packages that measured it.
        scores: task -> measure -> mean, low and high (95 %), or a number.
        floor: words for what makes the maps meaningless, however still they hold.
    """

    name: str
    suite: dict[str, Any]
    data: dict[str, Any]
    images: str
    batch: int
    versions: dict[str, Any]
    scores: Scores
    floor: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ZooNetwork:
    """One network of a release.

    Attributes:
        name: of the network; its file is NAME.keras, its card NAME.md, its settings NAME.flags.
        bytes, sha256: of the file.
        dataset, model, method, seed: of its training.
        paper: whose row it is, empty where it is none.
        row: its flagfile, flags/..., and what overrides it; empty where they are not known.
        command: what trains it again from its settings.
        settings: of its training, a flagfile.
        steps, seconds: of its training.
        step_cost: of a step, in steps of the cheapest row of the same comparison; None where it was not measured.
        commit, date: of the source that trained it, and the day; empty where they were not kept.
        versions: of the packages that trained it.
        licence: of the weights, such as apache-2.0; empty where none is stated.
        reported: the paper's numbers of the row, at its own budget.
        evaluations: what was measured.
    """

    name: str
    bytes: int
    sha256: str
    dataset: str
    model: str
    method: str
    seed: int
    paper: str
    row: str
    command: str
    settings: str
    steps: int
    seconds: float
    step_cost: float | None
    commit: str
    date: str
    versions: dict[str, Any]
    licence: str
    reported: list[Reported]
    evaluations: list[EvaluationRecord]

    @property
    def file(self) -> str:
        """The name of its file, beside the index."""
        return f"{self.name}.keras"

    @property
    def card(self) -> str:
        """The name of its card."""
        return f"{self.name}.md"

    @property
    def flags(self) -> str:
        """The name of its settings."""
        return f"{self.name}.flags"


@dataclass(frozen=True)
class Index:
    """The networks of a release, by their names."""

    networks: tuple[ZooNetwork, ...] = ()

    def named(self, name: str) -> ZooNetwork:
        """The network of that name; InputError, with the nearest names, where there is none."""
        names = [network.name for network in self.networks]
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {len(names)}, which list shows"
            raise InputError(f"no network {name!r} in the index: {hint}")
        return self.networks[names.index(name)]

    def with_networks(self, others: Sequence[ZooNetwork]) -> "Index":
        """These networks and the others, which take the place of those of the same name; sorted by name."""
        own = {network.name: network for network in (*self.networks, *others)}
        return Index(tuple(own[name] for name in sorted(own)))

    def as_text(self) -> str:
        """The index as it stands in its file: JSON, a line for each network."""
        networks = ",\n".join(json.dumps(asdict(network), allow_nan=False) for network in self.networks)
        return f'{{"schema": {json.dumps(SCHEMA)}, "networks": [\n{networks}\n]}}\n'


def read_index(text: bytes, source: str) -> Index:
    """The index in these bytes.

    Args:
        text: of the file.
        source: where it is from, for messages.

    Raises:
        InputError: where it is none, of another schema, or anything in it is missing, of another kind or out of bounds.
    """
    try:
        values = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as e:
        raise InputError(f"{source} is no index of a zoo: no JSON ({' '.join(str(e).split())[:100]})") from e
    if not isinstance(values, dict) or "schema" not in values:
        raise InputError(f"{source} is no index of a zoo: it has no schema")
    if values["schema"] != SCHEMA:
        raise InputError(
            f"{source} has schema {str(values['schema'])[:20]!r}, and this version of tfrobust reads schema {SCHEMA}"
        )
    try:
        return _index(values)
    except InputError as e:
        raise InputError(f"{source} is a damaged index: {e}") from e


def check_name(name: Any) -> str:
    """The name, if it may be that of a network or an evaluation; InputError otherwise: it becomes that of a file."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InputError(f"the name {str(name)[:60]!r} is not made of letters, digits, _ and -")
    return name


def _refuse_constant(name):
    raise ValueError(f"{name} is no number")


def _index(values) -> Index:
    networks = _list("networks", values.get("networks"))
    if len(networks) > MOST_NETWORKS:
        raise InputError(f"{len(networks):,} networks, more than {MOST_NETWORKS:,}")
    made = tuple(_network(each) for each in networks)
    names = [network.name.lower() for network in made]  # Some file systems know no other difference.
    if len(set(names)) < len(names):
        raise InputError("it names a network twice")
    return Index(made)


def _network(values) -> ZooNetwork:
    own = _of(ZooNetwork, values)
    check_name(own["name"])
    try:
        return _checked_network(own)
    except InputError as e:
        raise InputError(f"{own['name']}: {e}") from e


def _checked_network(own) -> ZooNetwork:
    for name in ("dataset", "model", "method", "paper", "row", "command", "settings", "commit", "date", "licence"):
        _text(name, own[name])
    for name, most in (("bytes", MOST_FILE_BYTES), ("seed", 2**31 - 1), ("steps", 2**53)):
        _whole(name, own[name], most)
    if not isinstance(own["sha256"], str) or not _SHA256.fullmatch(own["sha256"]):
        raise InputError("sha256 is not 64 hexadecimal digits")
    _number("seconds", own["seconds"])
    if own["step_cost"] is not None:
        _number("step_cost", own["step_cost"])
    _plain("versions", own["versions"])
    own["reported"] = [_reported(each) for each in _list("reported", own["reported"])]
    own["evaluations"] = [_evaluation(each) for each in _list("evaluations", own["evaluations"])]
    names = [each.name for each in own["evaluations"]]
    if len(set(names)) < len(names):
        raise InputError("it names an evaluation twice")
    return ZooNetwork(**own)


def _reported(values) -> Reported:
    own = _of(Reported, values)
    for name in own.keys() - {"value"}:
        _text(name, own[name])
    _number("value", own["value"])
    return Reported(**own)


def _evaluation(values) -> EvaluationRecord:
    own = _of(EvaluationRecord, values)
    check_name(own["name"])
    _text("images", own["images"])
    _whole("batch", own["batch"], 1 << 20, least=1)
    for name in ("suite", "data", "versions"):
        _plain(name, own[name])
    for words in _list("floor", own["floor"]):
        _text("floor", words)
    for task, measures in _plain("scores", own["scores"]).items():
        for measure, value in _plain(task, measures).items():
            _score(f"{task}: {measure}", value)
    return EvaluationRecord(**own)


def _score(what, value) -> None:
    if not isinstance(value, dict):
        _number(what, value)
        return
    if value.keys() not in ({"mean"}, {"mean", "low", "high"}):
        raise InputError(f"{what} is no mean with its interval")
    for each in value.values():
        _number(what, each)


def _of(kind: Callable, values) -> dict[str, Any]:
    """The values by the names of the dataclass, all of them and no other."""
    names = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(values, dict):
        raise InputError(f"a {kind.__name__} is no object")
    if values.keys() != names:
        wrong = sorted(names ^ values.keys())
        raise InputError(f"a {kind.__name__} lacks or must not have {', '.join(wrong)[:200]}")
    return dict(values)


def _list(what, value) -> list:
    if not isinstance(value, list):
        raise InputError(f"{what} is no list")
    return value


def _plain(what, value) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} is no object")
    return value


def _text(what, value) -> None:
    if not isinstance(value, str) or len(value) > MOST_TEXT:
        raise InputError(f"{what} is no text of at most {MOST_TEXT:,} characters")


def _whole(what, value, most, least=0) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{what} is no whole number from {least} to {most:,}")


def _number(what, value) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{what} is no number")
