"""`Picture`: examples before and after an attack, which a notebook shows and a file keeps."""

import io
from collections.abc import Sequence
from typing import Any

from tfrobust.report.panels import Panel, draw_panels


class Picture:
    """Examples as `draw_panels` draws them, in blocks.

    Args:
        panels: the examples.
        title: of the picture; empty: none.
    """

    def __init__(self, panels: Sequence[Panel], title: str = ""):
        self.panels, self.title = tuple(panels), title

    def save(self, path: str) -> str:
        """Writes the picture as PNG, or as SVG where the `path` ends in .svg; returns the path."""
        draw_panels(self.panels, path, self.title, len(self.panels), "blocks")
        return path

    def _bytes(self, form: str) -> bytes:
        file = io.BytesIO()
        draw_panels(self.panels, file, self.title, len(self.panels), "blocks", form=form)
        return file.getvalue()

    def _repr_png_(self) -> bytes:
        return self._bytes("png")

    def __repr__(self) -> str:
        return f"Picture of {len(self.panels)} examples: .save('NAME.png') or .save('NAME.svg') writes it"


def class_name(label: int, names: Sequence[Any] | None) -> str:
    """What the class `label` is called: its place in `names`, or its number."""
    return str(int(label)) if names is None else str(names[int(label)])
