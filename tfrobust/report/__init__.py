"""Reports: plain dicts and arrays go in, tables and pictures come out."""

from tfrobust.report.boxes import draw_boxes
from tfrobust.report.curves import draw_curves
from tfrobust.report.panels import Panel, draw_panels
from tfrobust.report.table import Column, markdown, write_json, write_table, write_text

__all__ = [
    "Column",
    "Panel",
    "draw_boxes",
    "draw_curves",
    "draw_panels",
    "markdown",
    "write_json",
    "write_table",
    "write_text",
]
