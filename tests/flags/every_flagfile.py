"""Every flagfile of the repository, parsed as the verbs parse it: python -m tests.flags.every_flagfile.

Part of make check, so it needs no TensorFlow; tests/flags/test_flagfiles.py goes on to what the flags mean.
"""

import glob
import os
import sys

from flags import comparison_flags, evaluation_flags, recipe_flags
from flags.parsing import parse
from tfrobust.errors import InputError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = sorted(
    os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "flags", "**", "*.flags"), recursive=True)
)
PARTS = "flags/parts", "flags/beyond/flowers", "flags/cross/gtsrb"  # Of data sets, whose file is given.
EVALUATIONS = [p for p in FILES if os.path.basename(p).startswith("evaluate")]
ROWS = [p for p in FILES if not os.path.basename(p).startswith(("common", "evaluate"))]


def given(path: str) -> list[str]:
    """Flags that must be given beside the flagfile: the data set, for those of parts of data sets."""
    return ["--dataset=digits"] if path.startswith(PARTS) else []


def parse_evaluation(path: str, *more: str):
    """The flags of an evaluation; raises InputError."""
    fv = parse(comparison_flags.ROOMS, ["x", f"--flagfile={path}", "--rows=a", "--output=b", *given(path), *more])
    evaluation_flags.check(fv)
    return fv


def check_lines(path: str) -> None:
    """Raises InputError unless each line is a comment or one flag without a comment behind its value."""
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if not line.startswith(("#", "--")) or (line.startswith("-") and set("# ") & set(line)):
                raise InputError(f"{line!r} is neither a comment nor --name=value without blanks")


def wrong() -> list[str]:
    """A line for each flagfile that is refused; the current folder is the root of the repository."""
    found = []
    for path in FILES:
        try:
            check_lines(path)
            if path in EVALUATIONS:
                parse_evaluation(path)
            elif path in ROWS:
                recipe_flags.read_flags(path, given(path))
        except InputError as e:
            found.append(f"{path}: {e}")
    return found


if __name__ == "__main__":
    os.chdir(ROOT)
    lines = wrong()
    print("\n".join(lines) or f"{len(FILES)} flagfiles parsed")
    sys.exit(bool(lines))
