"""A table of an HTML page that its reader can sort and filter: plain HTML, and a script that only moves and hides rows.

Without JavaScript it is the same table, unsorted.  Its parts are data attributes: `data-kind` of a heading (number or
text), `data-value` of a cell, `data-FILTER` of a row.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from tfrobust.report.escaping import in_html
from tfrobust.report.table import Column, cell

STYLE = """
body { max-width: 150rem }
body > p, body > ul, body > ol, body > pre { max-width: 60rem }
table.sortable { max-height: 85vh; overflow: auto; white-space: nowrap; border-collapse: separate; border-spacing: 0 }
table.sortable caption { text-align: left; padding-bottom: .5rem; color: #555 }
table.sortable th, table.sortable td { padding-right: .8rem }
table.sortable thead th { background: #fff; text-align: left }
table.sortable thead { position: sticky; top: 0; z-index: 2 }
table.sortable th[scope=row] { position: sticky; left: 0; background: #fff; font-weight: 600; padding-right: 1.2rem }
table.sortable .first { border-left: 2px solid #bbb; padding-left: .8rem }
table.sortable button { font: inherit; font-weight: 600; background: none; border: 0; padding: 0; cursor: pointer;
  color: #0068a8; text-align: left }
table.sortable button::after { content: " \\2195"; color: #767676 }
th[aria-sort=ascending] button::after { content: " \\2191" }
th[aria-sort=descending] button::after { content: " \\2193" }
button:focus-visible, select:focus-visible { outline: 3px solid #0068a8; outline-offset: 2px }
form.filters { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; align-items: baseline; margin: 1rem 0 }
form.filters[hidden], tr[hidden] { display: none !important } form.filters select { font: inherit }
@media (max-width: 40rem) {
  table.sortable, table.sortable thead { position: static; max-height: none; display: block; white-space: normal }
  table.sortable thead tr { display: flex; flex-wrap: wrap; gap: 0 1rem; border: 0; max-height: 12rem;
    overflow-y: auto }
  table.sortable thead tr.groups, table.sortable td[data-value=""] { display: none }
  table.sortable caption { display: block } table.sortable button[data-group]::before { content: attr(data-group) ": " }
  table.sortable tbody tr:first-child { display: block } table.sortable th[scope=row] { display: block; border: 0 }
  table.sortable .first { border-left: 0; padding-left: 0 }
}
"""

SCRIPT = """
(() => {
  const table = document.querySelector("table.sortable"), body = table.tBodies[0], rows = [...body.rows];
  const headings = [...table.querySelectorAll("th[data-kind]")];
  const before = (a, b, number) => number ? a - b : a.localeCompare(b);
  headings.forEach((heading, i) => {
    const number = heading.dataset.kind === "number", button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    if (heading.dataset.group) {
      button.dataset.group = heading.dataset.group;
      button.setAttribute("aria-label", heading.dataset.group + ": " + heading.textContent);
    }
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const now = heading.getAttribute("aria-sort");
      const down = now === "none" ? number : now === "ascending";
      headings.forEach(other => other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort((r, s) => {
        const a = r.cells[i].dataset.value, b = s.cells[i].dataset.value;
        if (a === "" || b === "") return (a === "") - (b === "");
        return before(a, b, number) * (down ? -1 : 1);
      });
      body.append(...rows);
    });
  });
  const form = document.querySelector("form.filters"), selects = [...form.querySelectorAll("select")];
  const shown = form.querySelector("output");
  const filter = () => {
    rows.forEach(row => {
      row.hidden = selects.some(s => s.value !== "" && row.getAttribute("data-" + s.name) !== s.value);
    });
    const left = rows.filter(row => !row.hidden).length;
    shown.textContent = left + " of " + rows.length + " rows; a click on a heading sorts";
  };
  selects.forEach(select => select.addEventListener("change", filter));
  form.hidden = false;
  filter();
})();
"""


class Entry(NamedTuple):
    """A cell that shows a text and is sorted by something else."""

    text: str
    by: float | str


class Group(NamedTuple):
    """Columns that stand below one heading; an empty heading is none."""

    heading: str
    columns: Sequence[Column]


def html_sortable_head() -> str:
    """What the head of a page with such a table needs: its style, and a policy that lets no other script run."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{STYLE}</style>'


def html_sortable_table(
    rows: Sequence[dict[str, Any]], groups: Sequence[Group], filters: dict[str, str], caption: str
) -> str:
    """A table to be sorted and filtered, with its filters above it, as HTML; one for each page.

    Args:
        rows: one dict each, of texts, numbers and `Entry`s; None is an empty cell, which is sorted last.
        groups: the columns; the first one names the row.
        filters: key of a row -> what the filter on its text is called.  Keys are of letters.
        caption: of the table.
    """
    parts = [_filters(rows, filters), '<table class="sortable">', f"<caption>{in_html(caption)}</caption>"]
    parts += ["<thead>", _group_line(groups), _heading_line(groups), "</thead>", "<tbody>"]
    parts += [_line(row, groups, filters) for row in rows]
    return "\n".join([*parts, "</tbody>", "</table>", f"<script>{SCRIPT}</script>"])


def _filters(rows, filters) -> str:
    labels = []
    for key, name in filters.items():
        values = sorted({text for row in rows if (text := _text(row.get(key)))})
        options = "".join(f'<option value="{in_html(value)}">{in_html(value)}</option>' for value in values)
        labels.append(
            f'<label>{in_html(name)} <select name="{key}"><option value="">all</option>{options}</select></label>'
        )
    return f'<form class="filters" hidden>{"".join(labels)}<output aria-live="polite"></output></form>'


def _group_line(groups) -> str:
    cells = (
        f'<th scope="colgroup" colspan="{len(group.columns)}"{_first(0, g)}>{in_html(group.heading)}</th>'
        if group.heading
        else f'<td colspan="{len(group.columns)}"></td>'
        for g, group in enumerate(groups)
    )
    return f'<tr class="groups">{"".join(cells)}</tr>'


def _heading_line(groups) -> str:
    cells = [
        f'<th scope="col" data-kind="{"number" if column.format else "text"}" data-group="{in_html(group.heading)}" '
        f'aria-sort="none"{_first(i, g)}>{in_html(column.heading)}</th>'
        for g, group in enumerate(groups)
        for i, column in enumerate(group.columns)
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _line(row, groups, filters) -> str:
    known = "".join(f' data-{key}="{in_html(_text(row.get(key)))}"' for key in filters)
    cells = [
        _cell(row.get(column.key), column, group.heading, (g, i))
        for g, group in enumerate(groups)
        for i, column in enumerate(group.columns)
    ]
    return f"<tr{known}>{''.join(cells)}</tr>"


def _cell(value, column: Column, group: str, place: tuple[int, int]) -> str:
    by = value.by if isinstance(value, Entry) else value
    sorted_by = repr(float(by)) if column.format and by is not None else _text(by)
    known = f'data-value="{in_html(sorted_by)}"'
    if place == (0, 0):
        return f'<th scope="row" {known}>{in_html(_text(value))}</th>'
    heading = f"{group}: {column.heading}" if group else column.heading
    return (
        f'<td {known} data-heading="{in_html(heading)}"{_first(place[1], place[0], column)}>'
        f"{in_html(_text(value) if isinstance(value, Entry) else cell(value, column.format))}</td>"
    )


def _first(i: int, group: int, column: Column | None = None) -> str:
    """The classes of a cell: a line before the first of each group but the first one, numbers to the right."""
    kinds = ["first"] * (i == 0 and group > 0) + ["number"] * bool(column and column.format)
    return f' class="{" ".join(kinds)}"' if kinds else ""


def _text(value) -> str:
    return "" if value is None else value.text if isinstance(value, Entry) else str(value)
