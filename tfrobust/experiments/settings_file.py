"""Settings as text, one --name=value a line: run.flags in the folder of a run, which is a flagfile that repeats it."""

from collections.abc import Mapping
from typing import Any


def text_of(settings: Mapping[str, Any]) -> str:
    """The lines of the `settings`, sorted; those that are None are left out."""
    return "".join(f"{line}\n" for line in sorted(_line(*pair) for pair in settings.items() if pair[1] is not None))


def _line(name: str, value) -> str:
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, (list, tuple)):
        value = ",".join(map(str, value))
    return f"--{name}={value}"


def different_lines(there: str, wanted: str, defaults: Mapping[str, Any]) -> list[str]:
    """The lines in which two texts of settings say different things, those of both, sorted.

    A number may be written in several ways (0.001, 1e-3).

    Args:
        there: the one text, as `text_of` writes it.
        wanted: the other.
        defaults: a setting that only one of them names is the same in both where it is what this says.
    """
    ours, theirs = _read(wanted), _read(there)
    usual = _read(text_of(defaults))
    names = {
        name
        for name in ours.keys() | theirs.keys()
        if not _same(ours.get(name, usual.get(name)), theirs.get(name, usual.get(name)))
    }
    lines = {line for text in (there, wanted) for line in text.splitlines() if _name(line) in names}
    return sorted(lines)


def _name(line: str) -> str:
    """The name of the setting in a line; of a comment, such as `# images 0123`, its first words."""
    if line.startswith("#"):
        return line.rpartition(" ")[0]
    name, given, _ = line.removeprefix("--").partition("=")
    return name if given else name.removeprefix("no")


def _read(text: str) -> dict[str, str]:
    """The settings in a text: name -> value."""
    out = {}
    for line in filter(None, text.splitlines()):
        value = line.rpartition(" ")[2] if line.startswith("#") else line.partition("=")[2]
        if not line.startswith("#") and "=" not in line:
            value = str(not line.startswith("--no"))
        out[_name(line)] = value
    return out


def _same(a: str | None, b: str | None) -> bool:
    if a == b:
        return True
    try:
        return [float(each) for each in a.split(",")] == [float(each) for each in b.split(",")]
    except (AttributeError, ValueError):
        return False
