"""What the pages of the documentation hold: fenced blocks, and the commands in them as a shell reads them."""

import functools
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.helpers import ROOT

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
SHELL = ("sh", "bash", "console")
PROGRAMS = "python|tfrobust|pip|make|tensorboard|curl|git|bazel|saved_model_cli"
COMMAND = re.compile(rf"^ *(?:\$ )?(?:\.venv/bin/)?(?:{PROGRAMS}) ", re.M)
# Writes down how a program is called, in the place of calling it: its line, the number of its words, then each.
INSTEAD = """command_not_found_handle() { printf '%s\\0' "${BASH_LINENO[0]}" "$#" "$@" >> "$CALLS"; }
cd() { :; }
"""
# Pages whose commands and blocks a test of their own runs, as what they are about needs.
OWN_TEST = {"docs/adding.md": "tests/test_adding.py"}


class Block(NamedTuple):
    """A fenced block of a page (its path from the root), its first line's number, language and text."""

    page: str
    line: int
    language: str
    text: str


class Command(NamedTuple):
    """words: the program and what it is given.  pages: where it stands.  again: a later turn of a loop."""

    words: tuple[str, ...]
    pages: tuple[str, ...]
    again: bool

    def __str__(self) -> str:
        return f"{self.pages[0]}: {shlex.join(self.words)}"

    @property
    def verb(self) -> str:
        """X of `python -m launch.X` and of `tfrobust X`; nothing for any other program."""
        if self.words[0] == "tfrobust":
            return "" if self.words[1].startswith("-") else self.words[1]
        module = self.words[2] if self.words[:2] == ("python", "-m") else ""
        return module.removeprefix("launch.") if module.startswith("launch.") else ""

    @property
    def given(self) -> tuple[str, ...]:
        """What the verb is given."""
        return self.words[2 if self.words[0] == "tfrobust" else 3 :]


def pages() -> list[str]:
    """README.md and its neighbours, and everything below docs/."""
    found = [*Path(ROOT).glob("*.md"), *Path(ROOT, "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def text_of(page: str) -> str:
    return Path(ROOT, page).read_text(encoding="utf-8")


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, without the indentation that they share with their fence."""
    text, out = text_of(page), []
    for found in FENCE.finditer(text):
        lines = [line.removeprefix(found["indent"]) for line in found["text"].splitlines()]
        number = text.count("\n", 0, found.start()) + 1
        out.append(Block(page, number, found["language"], "\n".join(lines) + "\n"))
    return out


def is_shell(block: Block) -> bool:
    return block.language in SHELL or (not block.language and bool(COMMAND.search(block.text)))


def typed(block: Block) -> str:
    """What is typed of a shell block: of a console, what follows its prompts."""
    if not re.search(r"^\$ ", block.text, re.M):
        return block.text
    lines, out, going_on = block.text.splitlines(), [], False
    for line in lines:
        if going_on or line.startswith("$ "):
            out.append(line.removeprefix("$ "))
            going_on = line.endswith("\\")
    return "\n".join(out) + "\n"


def called(script: str, page: str) -> list[tuple[int, list[str]]]:
    """The calls of programs that a script makes, with its variables, loops and quotes, none of them carried out; each
    with its line."""
    with tempfile.TemporaryDirectory() as folder:
        calls = os.path.join(folder, "calls")
        env = {"CALLS": calls, "PATH": "/nonexistent", "PWD": folder}
        script = INSTEAD + script.replace(".venv/bin/python", "python")
        bash = "/bin/bash" if os.path.exists("/bin/bash") else "bash"
        done = subprocess.run([bash, "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and not done.stderr, f"{page} as bash reads it: {done.stderr}"
        words = Path(calls).read_text(encoding="utf-8").split("\0")[:-1] if os.path.exists(calls) else []
    out = []
    while words:
        line, n = int(words[0]), int(words[1])
        out.append((line, words[2 : 2 + n]))
        words = words[2 + n :]
    return out


def whole(calls: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
    """The calls with `...` filled in: the flags of the verb's last call that is written out.  `,...` ends a list."""
    last: dict[tuple, list[str]] = {}
    out = []
    for line, words in calls:
        words = [word.removesuffix(",...") for word in words]
        if "..." in words:
            at = words.index("...")
            words = [*words[:at], *last[tuple(words[:at])][at:], *words[at + 1 :]]
        else:
            last[tuple(words[:3])] = words
        out.append((line, words))
    return out


@functools.cache
def commands() -> list[Command]:
    """Every command of every page, each once."""
    where: dict[tuple, list[str]] = {}
    first: dict[tuple, tuple] = {}
    for page in pages():
        if page not in OWN_TEST:
            # One shell for a page: a block may use what another one set.
            script = "".join(typed(block) for block in blocks(page) if is_shell(block))
            for line, words in whole(called(script, page)) if script else ():
                where.setdefault(tuple(words), []).append(page)
                first.setdefault((page, line, *words[:3]), tuple(words))
    alone = set(first.values())
    return [Command(words, tuple(dict.fromkeys(on)), words not in alone) for words, on in where.items()]
