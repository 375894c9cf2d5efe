"""Lists the verbs, and starts one by its name: python -m launch, or the command tfrobust."""

import ast
import difflib
import functools
import glob
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import tfrobust
from launch.command_line.program import called
from launch.command_line.verb import as_process


def verbs() -> dict:
    """Name -> the first line of its help; read, not imported, because TensorFlow takes seconds."""
    found = {}
    for path in sorted(glob.glob(os.path.join(os.path.dirname(__file__), "*.py"))):
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[os.path.basename(path).removesuffix(".py")] = (ast.get_docstring(tree) or "").splitlines()[0]
    return found


def listing() -> str:
    """The page that shows the verbs."""
    lines = [f"usage: {called('VERB')} [--FLAG=VALUE ...]; --help explains each.", ""]
    return "\n".join([*lines, *(f"  {name:<12} {line}" for name, line in verbs().items())])


def start(argv: Sequence[str]) -> NoReturn:
    """Ends the process with the exit code of the verb that argv (program name first) names; without one, lists them."""
    as_process(functools.partial(run, *(argv[1:] or ["--help"])))


def run(name: str, *args: str) -> int:
    """Does what the first argument asks for; returns the exit code."""
    if name in verbs():
        sys.argv = [name, *args]
        return importlib.import_module(f"launch.{name}").main()
    if name in ("--help", "-h", "-help", "help", "--version"):
        print(f"tfrobust {tfrobust.__version__}" if name == "--version" else listing(), flush=True)
        return 0
    near = difflib.get_close_matches(name, verbs(), n=1)
    meant = f"did you mean {near[0]}?" if near else "--help lists them"
    print(f"tfrobust: there is no verb {name!r}: {meant}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    start(sys.argv)
