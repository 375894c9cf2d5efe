"""Self-contained HTML pages: text, tables and pictures in one file that asks for nothing else."""

import base64
import io
from typing import Any, Callable, Dict, Sequence

from tfrobust.report.escaping import in_html
from tfrobust.report.table import Column, cell

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.15rem; margin: 2rem 0 .4rem }
.verdict { border-left: .5rem solid #999; background: #f5f5f5; padding: .8rem 1.2rem; font-size: 1.1rem }
.bad { border-color: #b3261e } .middle { border-color: #c77700 } .good { border-color: #2e7d32 }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: .6rem 0; font-size: .9rem;
  font-variant-numeric: tabular-nums }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ddd; text-align: left } .number { text-align: right }
img { max-width: 100%; display: block; margin: .6rem 0 } .note { color: #555; font-size: .9rem }
pre { background: #f5f5f5; padding: .7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem }
"""


def html_page(title: str, body: Sequence[str]) -> str:
    """The whole file; body: pieces of HTML."""
    name = in_html(title)
    phone = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{phone}<title>{name}</title><style>{STYLE}</style>'
    top = f'<!doctype html>\n<html lang="en"><head>{head}</head>'
    return f"{top}\n<body>\n<h1>{name}</h1>\n" + "\n".join(body) + "\n</body></html>\n"


def html_heading(text: str) -> str:
    """A heading below the page's own."""
    return f"<h2>{in_html(text)}</h2>"


def html_text(text: str, kind: str = "") -> str:
    """A paragraph; kind: a class of the style."""
    return f'<p class="{kind}">{in_html(text)}</p>' if kind else f"<p>{in_html(text)}</p>"


def html_list(texts: Sequence[str]) -> str:
    """A list of sentences."""
    return "<ul>" + "".join(f"<li>{in_html(text)}</li>\n" for text in texts) + "</ul>"


def html_code(text: str) -> str:
    """Text as it is typed, such as a command."""
    return f"<pre>{in_html(text)}</pre>"


def html_details(summary: str, body: str) -> str:
    """What is unfolded by a click."""
    return f"<details><summary>{in_html(summary)}</summary>{body}</details>"


def html_table(rows: Sequence[Dict[str, Any]], columns: Sequence[Column]) -> str:
    """The table that `markdown` makes of the same rows and columns."""
    columns = [c for c in columns if any(row.get(c.key) is not None for row in rows)]

    def line(tag, texts):
        kinds = (' class="number"' if c.format else "" for c in columns)
        return "<tr>" + "".join(f"<{tag}{k}>{in_html(t)}</{tag}>" for k, t in zip(kinds, texts)) + "</tr>\n"

    body = "".join(line("td", [cell(row.get(c.key), c.format) for c in columns]) for row in rows)
    return f"<table>\n{line('th', [c.heading for c in columns])}{body}</table>"


def html_picture(draw: Callable[[io.BytesIO], None], alt: str) -> str:
    """A picture inside the page; draw: writes a PNG into the file it is given."""
    file = io.BytesIO()
    draw(file)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{in_html(alt)}" src="data:image/png;base64,{data}">'
