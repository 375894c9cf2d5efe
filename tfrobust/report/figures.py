"""How every picture is written: PNG, or SVG, which stays sharp at any size and is the same for the same content."""

import os
from typing import IO, Any

FORMATS = ("png", "svg")
DPI = 130  # Of a PNG.


def in_percent(axis: Any) -> None:
    """Writes the values of the y axis, which are shares, in per cent."""
    from matplotlib.ticker import PercentFormatter

    axis.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def save_figure(figure: Any, path: str | IO[bytes], form: str | None = None) -> None:
    """Writes a figure.

    Args:
        figure: a matplotlib.figure.Figure.
        path: where it is written, or a binary file.
        form: one of FORMATS; None: svg where the path ends so, png otherwise.
    """
    if form is None:
        named = isinstance(path, (str, os.PathLike)) and str(path).lower().endswith(".svg")
        form = "svg" if named else "png"
    if form == "png":
        return figure.savefig(path, dpi=DPI, format="png")
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "tfrobust"}):  # Otherwise the names within the file are drawn anew.
        figure.savefig(path, dpi=DPI, format="svg", metadata={"Date": None})
