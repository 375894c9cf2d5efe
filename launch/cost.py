"""What training costs: operations of a step, seconds, and the hours of whole rows.

    python -m launch.cost --rows=flags/rar/mnist/madry.flags,flags/rar/mnist/ig_norm.flags --output=runs/cost

Counts the operations of a step of each row in its graph, at the row's full size, and measures a step on this processor:
with the row's batch, or with as many images as --longest and the memory allow.  No data set is needed: images of the
row's shape are drawn at random.  Beside it the time in which the row's input pipeline makes a batch.  Leaves in
--output: cost.md, .csv and .json, and known.json: if it is interrupted, the same command resumes it.
"""

import json
import os

from absl import flags

from flags import cost_flags, recipe_flags
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from launch.command_line.within import given_flags, measured_within
from tfrobust.checks import make_writable_folder
from tfrobust.errors import InputError

WITHIN = ("measured", "rows", "papers", "output", "page", "flagfile")  # A process within has its own values.
RATE_SHARE = 0.5  # Of the measured peak, with which the length of a step is predicted.


def cost(fv: flags.FlagValues) -> None:
    import tensorflow as tf

    from tfrobust.experiments.provenance import describe_source
    from tfrobust.memory_budget import GIB, budget

    tf.config.set_visible_devices([], "GPU")  # Hours of a GPU are reckoned, those of the processor measured.
    memory = budget(fv.memory_gb and fv.memory_gb * GIB)
    if fv.measured is not None:
        from tfrobust.benchmark.row_cost import costed_row, count_row, measure_row

        row = costed_row(recipe_flags.read(fv.rows[0], fv.overrides))
        print(json.dumps(measure_row(row, fv.measured, fv.rounds, memory) if fv.measured else count_row(row)))
        return
    make_writable_folder(fv.output)
    source = describe_source()
    known = Known(os.path.join(fv.output, "known.json"))
    costed = rows_of(fv)
    count_all(fv, costed, known)
    if fv.seconds:
        measure_all(fv, costed, known, memory)
    report_on(fv, list(costed.values()), source)


class Known:
    """What these versions of the packages found of rows by their keys, kept in a file as it is found."""

    def __init__(self, path: str):
        from tfrobust.experiments.fingerprints import versions

        self.path, self.found, self.versions = path, {}, versions()
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.found = json.load(file)

    def ask(self, key, find):
        """What stands under the key, or else what `find` returns."""
        from tfrobust import report

        if self.found.get(name := str((*key, self.versions))) is None:
            self.found[name] = find()
            report.write_json(self.path, self.found)
        return self.found[name]


def rows_of(fv):
    """(flagfile -> Costed): of rows in one folder that cost the same, the first."""
    from tfrobust.benchmark.cost_table import Costed
    from tfrobust.benchmark.row_cost import costed_row

    first, costed = {}, {}
    for path in cost_flags.flagfiles(fv):
        row = costed_row(recipe_flags.read(path, fv.overrides))
        key = os.path.dirname(path), row.key()
        if key in first:
            costed[first[key]].alike += 1
        else:
            first[key] = path
            costed[path] = Costed(path.removeprefix("flags/").removesuffix(".flags"), row)
    return costed


def within(fv, path, images):
    """What a process of its own finds of a row: its operations for no images, or else the seconds of a step of them."""
    own = ["--papers=", f"--rows={path}", f"--measured={images}", f"--output={fv.output}"]
    return measured_within("cost", [*given_flags(fv, WITHIN), *own])


def count_all(fv, costed, known) -> None:
    """Counts the operations of all rows; in processes, as TensorFlow would keep the weights of every one of them."""
    bar = SCREEN.bar(len(costed), "operations")
    for path, each in costed.items():
        each.counted = known.ask(("counted", each.row.key()), lambda path=path: within(fv, path, 0))
        if each.counted is None:
            raise InputError(f"{path}: the process that counts was killed, most likely for the memory that it took")
        bar.update()
    bar.close()


def measure_all(fv, costed, known, memory) -> None:
    """Measures a step of each row in a process of its own; the bar counts seconds that they should take."""
    from tfrobust.benchmark.peaks import measure_peaks
    from tfrobust.benchmark.row_cost import affordable_images

    rate = RATE_SHARE * 1e9 * measure_peaks(rounds=3)["matrix"]
    limits = {"memory": memory, "longest": fv.longest, "rate": rate}
    images = {path: affordable_images(each.row, each.counted, **limits) for path, each in costed.items()}
    seconds = {
        path: max(1, round((1 + fv.rounds) * each.counted["operations"] / each.row.batch * images[path] / rate))
        for path, each in costed.items()
    }
    bar = SCREEN.bar(sum(seconds.values()), "seconds of steps")
    for path, each in costed.items():
        if images[path]:
            find = lambda path=path: within(fv, path, images[path])  # noqa: E731
            each.measured = known.ask(("measured", images[path], each.row.key()), find)
        bar.update(seconds[path])
    bar.close()


def report_on(fv, costed, source) -> None:
    """Shows the tables and writes them."""
    from tfrobust import kernels, report
    from tfrobust.benchmark import cost_table
    from tfrobust.benchmark.places import fill_page
    from tfrobust.benchmark.table import units_of

    about = {**source, "units": units_of(kernels.cpu_flags()), "flags": fv.flags_into_string()}
    rows = cost_table.table_rows(costed, fv.teraflops)
    report.write_table(fv.output, "cost", rows, cost_table.ROWS, about)
    text = cost_table.text(costed, fv.teraflops, about)
    path = os.path.join(fv.output, "cost")
    report.write_text(f"{path}.md", text)
    page = fill_page(fv.page, text, "cost")
    print(text)
    print(f"written: {path}.md, .csv, .json{page}")


def main(argv=None) -> int:
    return verb.run("cost", __doc__, (cost_flags.define,), cost, argv=argv, check=cost_flags.check)


if __name__ == "__main__":
    verb.as_process(main)
