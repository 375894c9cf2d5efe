"""How fast this project is beside what people would use instead, by the same results.

    python -m launch.benchmark --dataset=mnist --data_dir=DATA --output=runs/benchmark

Beside each other: a step of IG-SUM-NORM and an attack on maps (a static graph as RAR's), natural training
(keras.Model.fit), Integrated Gradients (captum), PGD (torchattacks, foolbox), Kendall's tau (SciPy), an audit
(--earlier=FOLDER).  requirements-benchmark.txt has the packages; a side whose package is missing is skipped with a
line.  They may be in an environment of their own: --peer_python=PATH/bin/python.  Run it on a machine that does nothing
else.
"""

import contextlib
import json
import os

from absl import flags

from flags import benchmark_flags, data_flags
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from launch.command_line.within import given_flags, measured_within
from tfrobust.benchmark.places import fill_page
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError

WITHIN = ("measured", "pretraining", "output", "page", "rounds", "flagfile")  # A process within has its own values.
IMAGES_FOR_AN_EPOCH = 10  # So many times the images of a timed epoch are read, for the training before the jobs.


def benchmark(fv: flags.FlagValues) -> None:
    from tfrobust.benchmark.attack_jobs import peer_arrays
    from tfrobust.benchmark.memory import peak_of
    from tfrobust.benchmark.peer import Peer
    from tfrobust.benchmark.run import make_jobs
    from tfrobust.benchmark.setting import make_setting
    from tfrobust.data import to_unit

    folder = make_writable_folder(fv.output)
    spec, sizes = data_flags.from_flags(fv), benchmark_flags.sizes(fv)
    data = spec.prepare(spec.load())
    rows = slice(IMAGES_FOR_AN_EPOCH * sizes.epoch)
    setting = make_setting(to_unit(data.x_train[rows]), data.y_train[rows], sizes)
    needed = Peer(peer_arrays(setting), fv.peer_python) if "peers" in fv.jobs else contextlib.nullcontext()
    with needed as peer:
        jobs = make_jobs(fv.jobs, setting, peer, fv.earlier)
        if fv.measured:
            print(json.dumps(peak_of(jobs, peer, *fv.measured.split("/"))))
        else:
            report_on(fv, folder, jobs, peer)


def report_on(fv, folder, jobs, peer) -> None:
    """Runs the jobs, shows the tables and writes them."""
    from tfrobust import kernels, report
    from tfrobust.benchmark import table
    from tfrobust.benchmark.peaks import measure_peaks
    from tfrobust.benchmark.run import run_jobs
    from tfrobust.experiments.provenance import describe_source

    source = describe_source()
    missing, others = (peer.missing, peer.versions) if peer else ([], {})
    for package in missing:
        SCREEN.say(f"skipped: {package} is not installed (requirements-benchmark.txt; --peer_python)")
    peaks = measure_peaks(fv.rounds) if any(job.operations for job in jobs) else {}
    failed: dict[str, str] = {}
    memory_of = memory_within(fv) if fv.memory else lambda job, side: None
    measured = run_jobs(jobs, fv.rounds, memory_of, SCREEN, failed)
    about = {
        **source,
        "versions": {**source["versions"], **others},
        "rounds": fv.rounds,
        "missing": missing,
        "failed": failed,
        "units": table.units_of(kernels.cpu_flags()),
        "flags": fv.flags_into_string(),
    }
    text = table.text(measured, peaks, about)
    report.write_text(os.path.join(folder, "benchmark.md"), text)
    everything = {"about": about, "processor": table.processor(), "peaks": peaks, "jobs": table.plain(measured)}
    report.write_json(os.path.join(folder, "benchmark.json"), everything)
    page = fill_page(fv.page, text)
    print(text)
    if warning := table.spread_warning(measured):
        print(warning)
    print(f"written: {folder}/benchmark.md, .json{page}")
    if failed:
        raise InputError("; ".join(f"{name} failed: {message}" for name, message in failed.items()))


def memory_within(fv):
    """(job, side) -> the most bytes that a process held which did the job of that side once; None where it failed."""
    given = given_flags(fv, WITHIN)

    def memory_of(job, side):
        output = os.path.join(fv.output, "measured")
        more = [f"--measured={job.name}/{side}", "--pretraining=0", f"--output={output}"]
        try:
            found = measured_within("benchmark", [*given, *more])
        except InputError:  # The table says that it was not measured.
            return None
        return found and found["bytes"]

    return memory_of


def main(argv=None) -> int:
    rooms = data_flags.define, benchmark_flags.define
    return verb.run("benchmark", __doc__, rooms, benchmark, argv=argv, check=benchmark_flags.check)


if __name__ == "__main__":
    verb.as_process(main)
