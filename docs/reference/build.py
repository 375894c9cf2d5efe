"""Builds the reference of the library from its docstrings: python docs/reference/build.py build/docs.

The rooms (packages with an `__all__`) and the modules that stand alone are its pages; pdoc makes them.
"""

import contextlib
import importlib
import pkgutil
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pdoc

FOLDER = Path(__file__).parent
# Rooms, and the modules of those whose functions are imported from where they are (attributions.gradient.gradient).
PAGES = ("tfrobust", r"!tfrobust\.(?!(?:objectives|attributions|attacks)\.)\w+\.")
OPEN = ("tfrobust.objectives", "tfrobust.attributions", "tfrobust.attacks")
DOT = r'(?:\.|</span><span class=\\?"o\\?">\.</span><span class=\\?"n\\?">)'
# In text, in coloured code, and in such code within the JSON of the search.
PRIVATE = re.compile(rf"\b(tensorflow|keras){DOT}(?:python|src){DOT}(?:\w+{DOT})+(\w+)")
PUBLIC = {"tensorflow": "tf.", "keras": "keras.", "DatasetV2": "data.Dataset", "ResourceVariable": "Variable"}
FIELD = re.compile(r"\n(?=[a-z_][\w, ]*(?: \([^()\n]*\))?: )")


def fields_apart(docstring: str) -> str:
    """Markdown in which each line that begins with `name:`, or `name, name:`, stays a line."""
    return FIELD.sub("  \n", docstring)


def with_public_names(page: str) -> str:
    """The page with tf.Tensor where an annotation came out as the private place in which the class is defined."""
    return PRIVATE.sub(lambda found: PUBLIC[found[1]] + PUBLIC.get(found[2], found[2]), page)


@contextlib.contextmanager
def everything_listed() -> Iterator[None]:
    """Within the block, pdoc finds what it finds by `__all__` alone.

    These are the functions that `import tfrobust` imports when they are first asked for, and the modules of `tfrobust`
    and of the packages in OPEN.
    """
    with contextlib.ExitStack() as stack:
        for name in ("tfrobust", *OPEN):
            package = importlib.import_module(name)
            own = {key: getattr(package, key) for key in package.__all__}
            listed = [*own, *(info.name for info in pkgutil.iter_modules(package.__path__))]
            stack.enter_context(mock.patch.dict(vars(package), {**own, "__all__": listed}))
        yield


def build(folder: Path) -> None:
    """Writes the pages into `folder`, index.html first among them; warns of what pdoc cannot make sense of."""
    pdoc.render.env.filters["fields_apart"] = fields_apart
    pdoc.render.configure(template_directory=FOLDER, footer_text="tfrobust, Apache-2.0")
    with everything_listed():
        pdoc.pdoc(*PAGES, output_directory=folder)
    for path in (*folder.rglob("*.html"), *folder.glob("search.js")):
        path.write_text(with_public_names(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(FOLDER.parents[1]))
    warnings.simplefilter("default")
    build(Path(sys.argv[1]))
    print(f"the reference: {Path(sys.argv[1]) / 'index.html'}")
