"""Reports: plain dicts and arrays go in, tables and pictures come out."""

from tfrobust.report.boxes import draw_boxes
from tfrobust.report.colours import MEANINGS
from tfrobust.report.columns import ACCURACIES, FLAGS
from tfrobust.report.curves import draw_curves
from tfrobust.report.escaping import in_markdown
from tfrobust.report.figures import FORMATS, save_figure
from tfrobust.report.grids import draw_found_boxes, draw_found_masks, draw_grid
from tfrobust.report.growth import Grown, draw_growth
from tfrobust.report.intervals import draw_intervals
from tfrobust.report.page import (
    STYLE,
    html_code,
    html_contents,
    html_details,
    html_figure,
    html_heading,
    html_list,
    html_page,
    html_picture,
    html_table,
    html_text,
    html_verdict,
)
from tfrobust.report.panels import Panel, draw_pages, draw_panels, panel_of, worst_median_best
from tfrobust.report.picture import Picture, class_name
from tfrobust.report.table import Column, markdown, write_json, write_records, write_report, write_table, write_text

__all__ = [
    "ACCURACIES",
    "FLAGS",
    "FORMATS",
    "MEANINGS",
    "STYLE",
    "Column",
    "Grown",
    "Panel",
    "Picture",
    "class_name",
    "draw_boxes",
    "draw_curves",
    "draw_found_boxes",
    "draw_found_masks",
    "draw_grid",
    "draw_growth",
    "draw_intervals",
    "draw_pages",
    "draw_panels",
    "html_code",
    "html_contents",
    "html_details",
    "html_figure",
    "html_heading",
    "html_list",
    "html_page",
    "html_picture",
    "html_table",
    "html_text",
    "html_verdict",
    "in_markdown",
    "markdown",
    "panel_of",
    "save_figure",
    "worst_median_best",
    "write_json",
    "write_records",
    "write_report",
    "write_table",
    "write_text",
]
