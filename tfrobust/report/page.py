"""Self-contained HTML pages: text, tables and pictures in one file that asks for nothing else."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

from tfrobust.report.escaping import in_html
from tfrobust.report.table import Column, cell

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; max-width: 50rem; margin: 2rem auto; padding: 0 1.2rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin-bottom: .6rem }
h2 { font-size: 1.25rem; margin: 2.2rem 0 .5rem; padding-top: .6rem; border-top: 1px solid #ddd }
.verdict { border-left: .5rem solid #767676; background: #f5f5f5; padding: .8rem 1.2rem; font-size: 1.1rem }
.verdict strong { display: block; font-size: 1.35rem; margin-bottom: .2rem }
.bad { border-color: #b84300 } .middle { border-color: #8a6d00 } .good { border-color: #0068a8 }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem } nav a { color: #0068a8 }
li { margin: .35rem 0 }
table { display: block; overflow-x: auto; border-collapse: collapse; margin: .6rem 0; font-size: .9rem;
  font-variant-numeric: tabular-nums }
th, td { padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #ddd; text-align: left; vertical-align: bottom }
.number { text-align: right }
img { max-width: 100%; height: auto; display: block; margin: .6rem 0 } .note { color: #555; font-size: .9rem }
figure { margin: 1.4rem 0 } figcaption { font-weight: 600 }
pre { background: #f5f5f5; padding: .7rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem }
body, .verdict { overflow-wrap: anywhere } td, th { overflow-wrap: normal }
@media (max-width: 40rem) {
  body { margin: 1rem auto; padding: 0 .8rem } .verdict { font-size: 1rem; padding: .6rem .8rem }
  nav ul { display: block } nav li { margin: .5rem 0 }
  table, tbody { display: block } tr:first-child { display: none }
  tr { display: block; padding: .4rem 0; border-bottom: 2px solid #bbb }
  td, td.number { display: flex; justify-content: space-between; gap: 1rem; text-align: right; border-bottom: 0;
    padding: .1rem 0; overflow-wrap: anywhere }
  td::before { content: attr(data-heading); text-align: left; color: #555 }
}
@media print {
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0 } table { display: table; font-size: 8pt }
  img, tr, li, figure, .verdict { break-inside: avoid } h2, figcaption { break-after: avoid } img { max-height: 11cm }
  .verdict, pre { background: none; border: 1px solid #999; border-left-width: .5rem } nav { display: none }
}
"""


def html_page(title: str, body: Sequence[str], head: str = "") -> str:
    """A whole HTML file with that `title`; `body`: pieces of HTML; `head`: more HTML for its head."""
    name = in_html(title)
    phone = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{phone}<title>{name}</title><style>{STYLE}</style>{head}'
    top = f'<!doctype html>\n<html lang="en"><head>{head}</head>'
    return f"{top}\n<body>\n<h1>{name}</h1>\n" + "\n".join(body) + "\n</body></html>\n"


def html_heading(text: str, place: str = "") -> str:
    """A heading below the page's own, as HTML; `place`: its name for `html_contents`."""
    return f'<h2 id="{in_html(place)}">{in_html(text)}</h2>' if place else f"<h2>{in_html(text)}</h2>"


def html_contents(headings: dict[str, str]) -> str:
    """The list of contents, as HTML: place -> heading."""
    items = (f'<li><a href="#{in_html(place)}">{in_html(text)}</a></li>' for place, text in headings.items())
    return f"<nav><ul>{''.join(items)}</ul></nav>"


def html_verdict(word: str, text: str, kind: str) -> str:
    """What was found, as HTML: a word, a sentence, and a `kind` of bad, middle and good."""
    return f'<div class="verdict {kind}"><strong>{in_html(word)}</strong> {in_html(text)}</div>'


def html_figure(caption: str, picture: str) -> str:
    """A `picture`, which is HTML, below its caption."""
    return f"<figure><figcaption>{in_html(caption)}</figcaption>{picture}</figure>"


def html_text(text: str, kind: str = "") -> str:
    """A paragraph, as HTML; `kind`: a class of the style."""
    return f'<p class="{kind}">{in_html(text)}</p>' if kind else f"<p>{in_html(text)}</p>"


def html_list(texts: Sequence[str], ordered: bool = False) -> str:
    """A list of sentences, as HTML; `ordered`: with numbers."""
    tag = "ol" if ordered else "ul"
    return f"<{tag}>" + "".join(f"<li>{in_html(text)}</li>\n" for text in texts) + f"</{tag}>"


def html_code(text: str) -> str:
    """Text as it is typed, such as a command, as HTML."""
    return f"<pre>{in_html(text)}</pre>"


def html_details(summary: str, body: str) -> str:
    """The `summary`, as HTML, below which a click unfolds the `body`, a piece of HTML."""
    return f"<details><summary>{in_html(summary)}</summary>{body}</details>"


def html_table(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> str:
    """The table that `markdown` makes of the same `rows` and `columns`, as HTML."""
    columns = [c for c in columns if any(row.get(c.key) is not None for row in rows)]

    def line(tag, texts):
        kinds = [' class="number"' if c.format else "" for c in columns]
        if tag == "td":  # A narrow page shows a row as a list, each entry with its heading.
            kinds = [f'{kind} data-heading="{in_html(c.heading)}"' for kind, c in zip(kinds, columns)]
        return "<tr>" + "".join(f"<{tag}{k}>{in_html(t)}</{tag}>" for k, t in zip(kinds, texts)) + "</tr>\n"

    body = "".join(line("td", [cell(row.get(c.key), c.format) for c in columns]) for row in rows)
    return f"<table>\n{line('th', [c.heading for c in columns])}{body}</table>"


def html_picture(draw: Callable[[io.BytesIO], None], alt: str, form: str = "png") -> str:
    """A picture inside the page, as HTML.

    Args:
        draw: writes it into the file it is given.
        alt: what stands there for those who do not see it.
        form: of the picture, png or svg.
    """
    file = io.BytesIO()
    draw(file)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    kind = {"png": "png", "svg": "svg+xml"}[form]
    return f'<img alt="{in_html(alt)}" src="data:image/{kind};base64,{data}">'
