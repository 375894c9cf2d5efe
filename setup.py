"""Which packages a wheel holds, which pyproject.toml cannot say: `launch` and `flags` become part of `tfrobust`.

Top-level packages of such names would get into the way of whoever installs the wheel; see tfrobust/command.py.
"""

from setuptools import find_packages, setup

COMMAND_LINE = "tfrobust._command_line"
verbs = [f"{COMMAND_LINE}.{name}" for name in find_packages(include=["launch*", "flags*"])]

setup(
    packages=[*find_packages(include=["tfrobust*"]), *verbs],
    package_dir={f"{COMMAND_LINE}.{name}": name for name in ("launch", "flags")},
    package_data={"tfrobust": ["py.typed", "papers/*.csv"], f"{COMMAND_LINE}.flags": ["**/*.flags"]},
)
