"""Places of a page that a verb fills: `<!-- NAME -->`, what was measured, `<!-- end of the NAME -->`.

Importing it costs no TensorFlow: a page without the place is refused before anything is measured.
"""

from tfrobust.errors import InputError
from tfrobust.report import write_text


def put_into(page: str, tables: str, name: str = "benchmark") -> str:
    """The text of a page with the tables in the place that it has for them.

    Args:
        page: its text.
        tables: what comes into the place.
        name: of the place.

    Raises:
        InputError: where the page has no such place.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of the {name} -->"
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise InputError(f"the page has no place for the tables: lines {begin} and {end}")
    return f"{before}{begin}\n\n{tables.strip()}\n\n{end}{after}"


def check_page(path: str | None, name: str = "benchmark") -> None:
    """Raises InputError where the page at `path` cannot be read or has no place of that `name`; None is no page."""
    if path is not None:
        put_into(_read(path), "", name)


def fill_page(path: str | None, tables: str, name: str = "benchmark") -> str:
    """Puts the tables into the page; arguments as for `put_into`, `path` None for no page.

    Returns:
        What a verb that lists what it wrote adds: the path after a comma, or nothing.
    """
    if path is None:
        return ""
    write_text(path, put_into(_read(path), tables, name))
    return f", {path}"


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as e:
        raise InputError(f"--page={path} cannot be read ({e})") from e
