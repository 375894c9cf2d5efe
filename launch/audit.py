"""How fragile are the explanations of your network?  Any Keras classifier, your images, one report.

    python -m launch.audit --network=my_model.keras --data=my_data.npz

The network is used as it is: with or without a softmax at its end, whatever range its pixels have.  Its predictions are
attacked (APGD), and its explanations, Integrated Gradients and the gradient, beside random noise of the same size.
It takes about --minutes; what did not fit into them is said.

Leaves in --output: audit.html (one file, with the verdict, tables and pictures), audit.json (the numbers and all
settings) and audit_records.jsonl (a line per image and attack).  How much is done is decided once and kept: stopped and
run again with the same flags, it goes on where it was, to the numbers it would have had; with other flags it begins
anew and says so.

--fail_if="kendall<0.5" makes it a gate for a pipeline: where a condition is met, the report is written, a line says
which, and the exit code is 3.
"""

import json
import os
import shlex
import time

from flags import audit_flags, data_flags, strategy_flags
from launch.command_line import verb
from launch.command_line.program import called
from launch.command_line.progress import SCREEN
from launch.command_line.time_bar import TimeBar
from tfrobust import gate
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError
from tfrobust.experiments.folder_lock import claimed

SAVED = ("network", "data", "data_dir", "image_size", "exif", "pixels", "head", "eps")
SAVED += ("minutes", "images", "seed", "custom_objects", "class_names")


def audit(fv) -> None:
    began = time.monotonic()
    from tfrobust import auditing
    from tfrobust.auditing.inputs import MOST_IMAGES
    from tfrobust.evaluation.batch_cache import BatchCache
    from tfrobust.experiments.fingerprints import fingerprint_arrays, fingerprint_network, versions
    from tfrobust.experiments.provenance import describe_source
    from tfrobust.memory_budget import GIB
    from tfrobust.networks import load_network

    source = describe_source()
    conditions, baseline = _gate(fv)  # Read before the report, which may be written over the earlier one.
    network = load_network(fv.network)
    data = data_flags.labelled(fv, MOST_IMAGES, _size(fv, network))
    subject = {"network": fingerprint_network(network), "images": fingerprint_arrays(data.x, data.y)}
    with claimed(make_writable_folder(fv.output), progress=SCREEN):
        _check_same(fv.output, subject)
        settings = {
            name: fv[name].value for name in ("pixels", "head", "eps", "minutes", "images", "seed", "memory_gb")
        }
        settings = {**settings, **versions()}
        batches = os.path.join(fv.output, "batches")
        cache = BatchCache(batches, {**subject, **settings})

        def keep(key, work):
            arrays = cache(key, work)
            if key == "plan":  # Now it is certain that there is an audit with these settings.
                _say_what_is_new(batches, settings)
            return arrays

        shown = TimeBar()
        measured = auditing.measure(
            network,
            data.x,
            data.y,
            pixels=fv.pixels,
            eps=fv.eps,
            minutes=fv.minutes,
            images=fv.images,
            classes=data.classes,
            names=data.names,
            seed=fv.seed,
            memory=fv.memory_gb and fv.memory_gb * GIB,
            head=fv.head,
            keep=keep,
            report=shown,
            class_names=fv.class_names or data.class_names,
            spent=min(time.monotonic() - began, 30 * fv.minutes),
        )
        shown.close()
        facts = {**{name: fv[name].value for name in SAVED}, **source, "subject": subject}
        title = f"Audit of {os.path.basename(fv.network)}"
        path = auditing.write_audit(fv.output, measured, title, _command(fv), facts)
    words = auditing.reach_verdict(measured)
    print("\n".join([words.headline, *(f"- {sentence}" for sentence in words.sentences)]))
    print(f"written: {path}")
    failed = gate.failures(conditions, gate.read_report(os.path.join(fv.output, "audit.json")), baseline)
    if failed:
        raise verb.GateError("; ".join(failed))


def check(fv) -> None:
    """Raises InputError where there is no such network, and for conditions that cannot be looked at."""
    verb.check_networks(fv.network)
    _gate(fv)


def _gate(fv):
    """(conditions under which the audit fails, the report that they compare with or None)."""
    conditions = [gate.parse_condition(text) for text in fv.fail_if]
    for condition in conditions:
        if condition.factor and not fv.baseline:
            raise InputError(f"{condition.text}: give the earlier report with --baseline=OLD/audit.json")
    return conditions, gate.read_report(fv.baseline) if fv.baseline else None


def _size(fv, network):
    """The side that images of a folder are cut to."""
    from tfrobust.networks import input_shape

    sides = [side for side in input_shape(network)[:2] if side]
    return fv.image_size or (max(sides) if sides else None)


def _check_same(folder: str, subject: dict) -> None:
    """Raises InputError where the folder holds the report on another network or on other images."""
    path = os.path.join(folder, "audit.json")
    try:
        with open(path, encoding="utf-8") as file:
            there = dict(json.load(file)["about"]["subject"])
    except (FileNotFoundError, KeyError, TypeError, ValueError):  # None there, or none that anyone can read.
        return
    different = [what for what in subject if there.get(what) != subject[what]]
    if different:
        raise InputError(f"{folder} holds the audit of other {' and '.join(different)}: give another --output")


def _say_what_is_new(folder: str, settings: dict) -> None:
    """A line where the batches in the folder were made with other settings, and so are of no use now; the settings are
    kept there for the next run."""
    from tfrobust.report import write_json

    path = os.path.join(folder, "settings.json")
    settings = json.loads(json.dumps(settings))
    try:
        with open(path, encoding="utf-8") as file:
            there = dict(json.load(file))
    except (FileNotFoundError, TypeError, ValueError):  # The first audit there, or none that anyone can read.
        there = {}
    if there == settings:
        return
    if there:
        changed = [name for name in settings if there.get(name) != settings[name]]
        words = ", ".join(f"{name} was {there.get(name)} and is {settings[name]}" for name in changed)
        SCREEN.say(f"audit: begun anew, as what is in {folder} was measured with other settings ({words})")
    write_json(path, settings)


def _command(fv) -> str:
    """What repeats the audit."""
    given = [fv[name].serialize() for name in (*SAVED, "output") if fv[name].present]
    return " ".join([called("audit"), *map(shlex.quote, given)])


def main(argv=None) -> int:
    rooms = audit_flags.define, strategy_flags.define_of_one_process
    return verb.run("audit", __doc__, rooms, audit, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)
