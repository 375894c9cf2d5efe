"""How time and memory of training and evaluation grow.

    python -m launch.growth --output=runs/growth

Measures seconds and peak memory of a step of IG-SUM-NORM on the MNIST network against path points, steps of the inner
attack, images of a batch, pixels and replicas (logical CPUs, which share the same cores), and of an evaluation by IFIA
against images.  Each point is measured in a process of its own, on random images.  Leaves in --output: growth.md with
fitted lines and exponents, growth.json, growth.png and growth.svg.  Run it on a machine that does nothing else.
"""

import json
import os

from absl import flags

from flags import growth_flags
from launch.command_line import verb
from launch.command_line.progress import SCREEN
from launch.command_line.within import given_flags, measured_within
from tfrobust.checks import make_writable_folder

WITHIN = ("measured", "axes", "output", "page", "flagfile")  # A process within has its own values.


def growth(fv: flags.FlagValues) -> None:
    plan = growth_flags.plan(fv)
    if fv.measured:
        from tfrobust.benchmark.growth import measure_point

        name, number = fv.measured.split("/")
        print(json.dumps(measure_point(plan.points[name][int(number)], fv.rounds)))
        return
    from tfrobust.experiments.provenance import describe_source

    make_writable_folder(fv.output)
    source = describe_source()
    report_on(fv, plan, measure_all(fv, plan), source)


def measure_all(fv, plan):
    """name of the axis -> its points with what was measured; a point that several axes share is measured once."""
    given = given_flags(fv, WITHIN)
    found, measured = {}, {}
    bar = SCREEN.bar(sum(map(len, plan.points.values())), "growth")
    for name, points in plan.points.items():
        for number, point in enumerate(points):
            if point not in found:
                own = [f"--axes={name}", f"--measured={name}/{number}", f"--output={fv.output}"]
                found[point] = measured_within("growth", [*given, *own])
            measured.setdefault(name, []).append((point, found[point]))
            bar.update()
    bar.close()
    return measured


def report_on(fv, plan, measured, source) -> None:
    """Shows the tables and writes them, with the picture."""
    from tfrobust import kernels, report
    from tfrobust.benchmark import growth_table
    from tfrobust.benchmark.places import fill_page
    from tfrobust.benchmark.table import units_of

    about = {**source, "rounds": fv.rounds, "units": units_of(kernels.cpu_flags())}
    about["flags"] = fv.flags_into_string()
    text = growth_table.text(measured, plan.base, about)
    path = os.path.join(fv.output, "growth")
    report.write_text(f"{path}.md", text)
    report.write_json(f"{path}.json", {"about": about, **growth_table.plain(measured)})
    for ending in report.FORMATS:
        growth_table.draw(measured, f"{path}.{ending}")
    page = fill_page(fv.page, text, "growth")
    print(text)
    print(f"written: {path}.md, .json, .png, .svg{page}")


def main(argv=None) -> int:
    return verb.run("growth", __doc__, (growth_flags.define,), growth, argv=argv, check=growth_flags.check)


if __name__ == "__main__":
    verb.as_process(main)
