"""Text from outside, such as the names of files, classes and networks, made harmless for where it is shown."""

import html
import unicodedata
from typing import Any

# What a cell begins with that a spreadsheet calculates rather than shows.
_FORMULA = ("=", "+", "-", "@")
_MARKUP = {"|": r"\|", "<": "&lt;", ">": "&gt;", "`": r"\`", "](": r"]\("}


def visible(text: str) -> str:
    r"""Replaces characters that act on a terminal instead of being shown by their escapes, such as \x1b.

    Such are ESC, a change of the direction of writing, an unpaired surrogate; new lines and tabs stay.
    """
    if text.isprintable():  # Nearly always: all characters are shown.
        return text
    return "".join(_escape(character) if _steers(character) else character for character in text)


def on_one_line(text: str) -> str:
    """The text as `visible` gives it, with new lines and tabs as spaces."""
    return visible(" ".join(text.splitlines()).replace("\t", " "))


def in_markdown(text: str) -> str:
    """The text as part of a table of Markdown: no cell, HTML, code or link of its own."""
    text = on_one_line(text)
    for markup, escaped in _MARKUP.items():
        text = text.replace(markup, escaped)
    return text


def in_csv(value: Any) -> Any:
    """A `value` as a cell of a CSV file; text that a spreadsheet would take for a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    text = on_one_line(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def in_html(text: str) -> str:
    """The text as the content of an HTML element, or of an attribute in quotation marks."""
    return html.escape(visible(text))


def in_picture(text: str) -> str:
    """The text as it may stand in a picture: Matplotlib would set what stands between two dollars as a formula."""
    return visible(text.replace("\t", " ")).replace("$", r"\$")


def _steers(character: str) -> bool:
    # Cc: control; Cf: format, such as right-to-left overrides; Cs: surrogates; Zl, Zp: separators of lines.
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
