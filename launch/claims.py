"""Says which claims of the papers hold on networks that were compared, by their own attack and by the ensemble auto.

    python -m launch.compare ... --auto_level=quick --seeds=0,1,2 --output=runs/cross_mnist
    python -m launch.claims --runs=runs/cross_mnist --output=runs/claims

A claim is a sentence about two rows and one measure.  Its verdict rests on the difference of the scores, image by image
and seed by seed, with the 95 % interval of its mean (a bootstrap over seeds and images): it holds where the whole
interval is on the claimed side, does not hold where all of it is on the other, and is not resolved else.  Beside the
attack stands the strongest that the comparison was asked for: on maps auto (--auto_level), on predictions AutoAttack
(--autoattack_version).  Claims whose rows were not compared have no line; of two comparisons on one data set that of
more images counts.  Leaves in --output: claims.md, .csv and .json, and claims.png with the differences of --drawn.
"""

import os

from absl import flags

from flags import claims_flags
from launch.command_line import verb
from tfrobust.checks import make_writable_folder

SHOWN = {"attack": "the attack", "auto": "auto or AutoAttack"}


def claims(fv: flags.FlagValues) -> None:
    from tfrobust import report
    from tfrobust.experiments.provenance import describe_source
    from tfrobust.papers.claims import papers_claims, read_claims
    from tfrobust.papers.verdicts import judge_all

    asked = read_claims(fv.claims) if fv.claims else papers_claims()
    lines = judge_all(asked, fv.runs, fv.name, fv.accuracies_name)
    make_writable_folder(fv.output)
    shown, path = list(map(_shown, lines)), os.path.join(fv.output, "claims")
    about = {
        **describe_source(),
        "runs": fv.runs,
        "name": fv.name,
        "accuracies_name": fv.accuracies_name,
        "claims": fv.claims,
    }
    report.write_table(fv.output, "claims", shown, _columns(), {**about, "lines": lines})
    drawn = _drawn(lines, fv.drawn)
    if drawn:
        label = f"difference of {fv.drawn}"
        report.draw_intervals(drawn, f"{path}.png", "What each claim says to be above zero", label)
    print(report.markdown(shown, _columns()) if lines else "no claim has its rows in these comparisons")
    print(_sentence(lines, len(asked)))
    print(f"written: {path}.md, .csv, .json{', .png' if drawn else ''}")


def _columns():
    from tfrobust.report import Column

    own = [Column(key, key) for key in ("paper", "claim", "dataset", "row", "than", "measure")]
    for ruler, words in SHOWN.items():
        own += [Column(ruler, f"difference by {words}"), Column(f"{ruler}_verdict", f"by {words}")]
    return own


def _shown(line):
    """A line as the table has it: differences as text."""
    return {**line, **{ruler: _difference(line.get(ruler), line["measure"]) for ruler in SHOWN}}


def _difference(found, measure) -> str | None:
    """A difference with its interval; accuracies in points."""
    from tfrobust.experiments.comparison_scores import ACCURACIES, STEP_COST

    if not found:
        return None
    if measure == STEP_COST:
        return f"{found['mean']:+.1f}"
    scale, digits = (100, 1) if measure in ACCURACIES else (1, 3)
    mean, low, high = (f"{scale * found[key]:+.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _drawn(lines, measure):
    """data set -> claim -> ruler -> mean, low and high, of the claims that a measure is higher."""
    from tfrobust.papers.claims import ABOVE

    panels: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {}
    for line in (line for line in lines if line["measure"] == measure and line["relation"] == ABOVE):
        found = {SHOWN[r]: tuple(line[r][end] for end in ("mean", "low", "high")) for r in SHOWN if line.get(r)}
        panels.setdefault(line["dataset"], {})[line["claim"]] = found
    return panels


def _sentence(lines, asked) -> str:
    """How many hold, by each ruler."""
    said = []
    for ruler, words in SHOWN.items():
        verdicts = [line[f"{ruler}_verdict"] for line in lines if line.get(f"{ruler}_verdict")]
        counts = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
        said.append(f"by {words} {counts or 'none is measured'}")
    return f"{asked} claims, {len(lines)} verdicts: {'; '.join(said)}."


def main(argv=None) -> int:
    return verb.run("claims", __doc__, (claims_flags.define,), claims, argv=argv, check=claims_flags.check)


if __name__ == "__main__":
    verb.as_process(main)
