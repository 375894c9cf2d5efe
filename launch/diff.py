"""What differs between two networks: predictions, explanations, and how fragile these are, on the same images.

    python -m launch.diff before.keras after.keras --data=my_data.npz

For two versions of one network, or a file and the one that it is said to be.  The maps of the class that both predict
are compared, image by image, and attacked; what predicts the same and explains it otherwise is called that.  How much
a difference is worth is told by noise of the same size on the images and, with --seeds_of_before, by networks of the
same training with other seeds.

Leaves in --output: diff.html (one file: verdict, what to do, numbers, pictures of where they part), diff.json and
diff_records.jsonl (a line per image).  Stopped, the same command goes on where it was.
"""

import os
import shlex
import sys

from flags import data_flags, diff_flags, strategy_flags
from flags.parsing import words_as_flags
from launch.command_line import verb
from launch.command_line.program import called
from launch.command_line.progress import SCREEN
from tfrobust.checks import make_writable_folder

SAVED = ("before", "after", "data", "seeds_of_before", "pixels", "head", "eps", "images", "explained", "attacked")
SAVED += ("steps", "points", "seed", "class_names", "custom_objects", "data_dir", "image_size", "exif")


def diff(fv) -> None:
    from tfrobust import auditing
    from tfrobust.auditing.inputs import MOST_IMAGES
    from tfrobust.evaluation.batch_cache import BatchCache
    from tfrobust.experiments.fingerprints import fingerprint_arrays, fingerprint_network, versions
    from tfrobust.experiments.folder_lock import claimed
    from tfrobust.experiments.provenance import describe_source
    from tfrobust.memory_budget import GIB
    from tfrobust.networks import input_shape, load_network

    source = describe_source()
    before, after, *others = (load_network(path) for path in (fv.before, fv.after, *fv.seeds_of_before))
    side = fv.image_size or max([side for side in input_shape(before)[:2] if side], default=None)
    data = data_flags.labelled(fv, MOST_IMAGES, side)
    names = ("eps", "images", "explained", "attacked", "steps", "points", "seed")
    plan = auditing.DifferencePlan(**{name: fv[name].value for name in names})
    networks = [fingerprint_network(network) for network in (before, after, *others)]
    facts = {"networks": networks, "images": fingerprint_arrays(data.x, data.y), **versions()}
    settings = {name: fv[name].value for name in SAVED}
    with claimed(make_writable_folder(fv.output), progress=SCREEN):
        keep = BatchCache(os.path.join(fv.output, "batches"), {**facts, **{name: settings[name] for name in names}})
        found = auditing.measure_difference(
            before,
            after,
            data.x,
            data.y,
            plan,
            others=others,
            pixels=fv.pixels,
            head=fv.head,
            classes=data.classes,
            names=data.names,
            class_names=fv.class_names or data.class_names,
            memory=fv.memory_gb and fv.memory_gb * GIB,
            keep=keep,
            progress=SCREEN,
        )
        title = f"{os.path.basename(fv.before)} and {os.path.basename(fv.after)}"
        about = {**settings, **source, "subject": facts}
        path = auditing.write_difference(fv.output, found, title, _command(fv), about)
    words = auditing.reach_difference_verdict(found)
    print("\n".join([f"{words.lead}. {words.found}", *(f"- {sentence}" for sentence in words.certainty)]))
    print(f"written: {path}")


def check(fv) -> None:
    """Raises InputError where there is no such network."""
    verb.check_networks(fv.before, fv.after, *fv.seeds_of_before)


def _command(fv) -> str:
    """What repeats the comparison."""
    given = [fv[name].serialize() for name in (*SAVED, "output") if fv[name].present]
    return " ".join([called("diff"), *map(shlex.quote, given)])


def main(argv=None) -> int:
    rooms = diff_flags.define, strategy_flags.define_of_one_process
    given = words_as_flags(sys.argv if argv is None else argv, "before", "after")
    return verb.run("diff", __doc__, rooms, diff, argv=given, check=check)


if __name__ == "__main__":
    verb.as_process(main)
