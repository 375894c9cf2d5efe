"""Are these attacked images attacks?  Checks images that somebody hands in, and says by how much they lower the bound.

    python -m launch.verify --network=my_model.keras --attacked=x_adv.npz --eps=8/255

x_adv.npz holds x, y and x_adv: images, labels and attacked images.  Each must lie in the ball; those that the network
predicts as the label says, before and after, count, and their maps are compared.

    python -m launch.evaluate --network=my_model.keras --suite=auto --keep_images ... --output=runs/mine
    python -m launch.verify --network=my_model.keras --attacked=x_adv.npz --against=runs/mine/attacked/auto.npz

With --against the images, the ball, the map and the scores are those of an evaluation, a bound from above; x_adv.npz
holds x_adv alone, one for each of its images in their order, and what is said is by how much it lowers that bound.
It takes a prediction and a map of each image, seconds in all.
"""

import os

from flags import map_flags, verify_flags
from launch.command_line import verb
from launch.command_line.given_networks import given_network
from tfrobust.checks import check_regular_file, make_writable_folder
from tfrobust.errors import InputError


def verify(fv) -> None:
    from tfrobust import report
    from tfrobust.evaluation.attacked_images import read_attacked
    from tfrobust.evaluation.verification import verify as verified
    from tfrobust.memory_budget import Chunking

    attacked, against = read_attacked(fv.attacked), read_attacked(fv.against) if fv.against else None
    x, y = _originals(attacked, against)
    network = given_network(fv.network, fv.pixels, fv.head)
    _check_network(network, against)
    measure = verify_flags.measure_of(fv, against, x[0, ..., 0].size)
    eps, norm, spec, comparison = measure
    batch, chunk = Chunking(fv.evaluation_batch, fv.map_chunk, fv.memory_gb).for_network(network)
    bound = against.scores if against else None
    result = verified(
        network,
        x,
        attacked.x_adv,
        y,
        eps=eps,
        spec=spec,
        comparison=comparison,
        norm=norm,
        bound=bound,
        batch_size=batch,
        chunk=chunk,
    )
    print(_page(result, *measure))
    if fv.output:
        folder = make_writable_folder(fv.output)
        about = {"network": fv.network, "attacked": fv.attacked, "against": fv.against, "eps": eps, "norm": norm}
        about |= {"map": spec.settings(), "k": comparison.k, "ties": comparison.ties}
        report.write_json(os.path.join(folder, "verified.json"), {**result.as_dict(), "about": about})
        report.write_records(os.path.join(folder, "verified_records.jsonl"), result.records())
        print(f"written: {folder}")


def check(fv) -> None:
    """Raises InputError where a file is missing, and for flags that do not go together."""
    verify_flags.check(fv)
    verb.check_networks(fv.network)
    for path in filter(None, (fv.attacked, fv.against)):
        check_regular_file(path)


def _originals(attacked, against):
    """(x, y) of the file of the evaluation, or else of the attacked images themselves."""
    if against is None:
        missing = [name for name in ("x", "y") if getattr(attacked, name) is None]
        if missing:
            raise InputError(
                f"{attacked.path} lacks {' and '.join(missing)}: store them beside x_adv, or give --against"
            )
        return attacked.x, attacked.y
    if not against.about or not against.scores or against.x is None:
        raise InputError(f"--against={against.path} is no file of an evaluation: it leaves some with --keep_images")
    if attacked.x_adv.shape != against.x.shape:
        raise InputError(
            f"{attacked.path} holds x_adv {list(attacked.x_adv.shape)} and {against.path} images "
            f"{list(against.x.shape)}: give one attacked image for each, in their order"
        )
    if attacked.x is not None and abs(attacked.x - against.x).max() > 1e-6:
        raise InputError(f"{attacked.path} holds other images x than {against.path}: attack those, in their order")
    return against.x, against.y


def _check_network(network, against) -> None:
    from tfrobust.experiments.fingerprints import fingerprint_network

    if against and against.about.get("network") != fingerprint_network(network):
        raise InputError(f"--against={against.path} was measured on another network than --network")


def _page(result, eps, norm, spec, comparison) -> str:
    """What a person reads."""
    from tfrobust import report

    n, plain = len(result.right), result.as_dict()
    fates = (
        f"{n} images, all within the {norm} ball of eps {eps:.4g} (the farthest at {plain['farthest']:.4g}). "
        f"{plain['right']} originals are predicted correctly, {plain['moved']} images were moved, "
        f"{plain['kept_label']} keep the label; {plain['counted']} count."
    )
    columns = (
        report.Column("measure", f"{spec.method}, k {comparison.k}"),
        report.Column("own", "these images", ".3f"),
        report.Column("before", "bound before", ".3f"),
        report.Column("after", "bound after", ".3f"),
        report.Column("lowered", "lowered by", ".3f"),
        report.Column("low", "95 % from", ".3f"),
        report.Column("high", "to", ".3f"),
        report.Column("images", "on images", ",d"),
    )
    rows = [{**row, "measure": row["measure"].replace("_", " ")} for row in result.rows()]
    lowered = max(rows, key=lambda row: row["lowered"])
    verdict = (
        f"They lower the bound on {lowered['measure']} by {lowered['lowered']:.3f}, on {lowered['images']} of {n} "
        "images."
        if lowered["images"]
        else "They lower no bound: nothing here was less alike than what was known."
    )
    return "\n\n".join([fates, report.markdown(rows, columns).rstrip(), verdict])


def main(argv=None) -> int:
    return verb.run("verify", __doc__, (verify_flags.define, map_flags.define), verify, argv=argv, check=check)


if __name__ == "__main__":
    verb.as_process(main)
