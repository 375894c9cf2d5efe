"""The API reference: it builds without a warning, and whatever is public stands in it and says what it does."""

import functools
import html
import importlib
import importlib.util
import inspect
import os
import pkgutil
import re
import warnings

import pdoc
import pytest

import tfrobust
from tests.helpers import ROOT, run_tests
from tfrobust.types import Objective

ROOMS = [
    importlib.import_module(f"tfrobust.{info.name}")
    for info in sorted(pkgutil.iter_modules(tfrobust.__path__), key=lambda info: info.name)
]
INHERITED = {"inner", "outer"} & set(vars(Objective))  # What they are is said once, for all methods.


def public(module):
    """The names of a room: its __all__, or what is defined in a module without one."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return getattr(module, "__all__", [name for name in own if not name.startswith("_")])


def methods(cls):
    """The public functions and properties that a class defines."""
    for name, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if inspect.isfunction(function) and function.__module__ == cls.__module__ and not name.startswith("_"):
            if function.__doc__ or not said_once(cls, name):
                yield f"{cls.__name__}.{name}", function


def said_once(cls, name):
    """Whether a class above says what the method of that name is: for all that take its place."""
    return any(getattr(vars(base).get(name), "__doc__", None) for base in cls.__mro__[1:])


def explained(module):
    """(name, object) of all that should say what it is for."""
    yield module.__name__, module
    for name in public(module):
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            yield name, value
        if inspect.isclass(value):
            yield from ((n, f) for n, f in methods(value) if n.split(".")[1] not in INHERITED)


def letters(text):
    """What is left of a text whatever was done to its spaces and marks."""
    return re.sub(r"[^a-zA-Z0-9]", "", text)


@pytest.fixture(
    scope="module", params=[False, pytest.param(True, marks=pytest.mark.exhaustive)], ids=["rooms", "whole"]
)
def folder(request, tmp_path_factory):
    """The reference; that of the rooms and of the methods' modules alone, or with the modules of the other open rooms,
    the source of each function and the search, which take most of its time."""
    folder = tmp_path_factory.mktemp("reference")
    path = os.path.join(ROOT, "docs", "reference", "build.py")
    spec = importlib.util.spec_from_file_location("reference_build", path)
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        if not request.param:
            configure = functools.partial(pdoc.render.configure, show_source=False, search=False)
            patch.setattr(pdoc.render, "configure", configure)
            patch.setattr(build, "PAGES", [page.replace("|attributions|attacks", "") for page in build.PAGES])
            patch.setattr(build, "OPEN", [name for name in build.OPEN if name.endswith("objectives")])
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        build.build(folder)
    assert (folder / "search.js").exists() == request.param
    return folder


PACKAGES = [
    importlib.import_module(info.name) for info in pkgutil.walk_packages(tfrobust.__path__, "tfrobust.") if info.ispkg
]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_no_function_hides_a_module_of_its_name(package):
    for info in pkgutil.iter_modules(package.__path__):
        value = vars(package).get(info.name)
        assert value is None or inspect.ismodule(value), f"{package.__name__}.{info.name} hides a module"


def test_what_is_public_is_imported_from_one_package():
    paths = {}
    for package in (tfrobust, *PACKAGES):
        for name in getattr(package, "__all__", ()):
            value = getattr(package, name)
            if inspect.isfunction(value) or inspect.isclass(value):
                paths.setdefault(value, []).append(f"{package.__name__}.{name}")
    assert [path for path in paths.values() if len(path) > 1] == []


def page(folder, module):
    return (folder / (module.__name__.replace(".", os.sep) + ".html")).read_text(encoding="utf-8")


@pytest.mark.parametrize("module", ROOMS, ids=lambda module: module.__name__)
def test_what_is_public_is_on_its_page_with_its_docstring(module, folder):
    text = page(folder, module)
    shown = letters(html.unescape(re.sub(r"<[^<>]+>", "", text)))
    missing = [name for name in public(module) if f'id="{name}"' not in text]
    assert not missing, f"not on the page of {module.__name__}: {missing}"
    for name, value in explained(module):
        own = vars(value)["__doc__"] if inspect.isclass(value) else value.__doc__
        assert own and not own.startswith(f"{name}("), f"{module.__name__}.{name} has no docstring"
        assert letters(inspect.cleandoc(own)) in shown, f"the docstring of {name} is not whole on the page"


def test_the_front_page_shows_what_people_import(folder):
    assert 'url=tfrobust.html"' in (folder / "index.html").read_text(encoding="utf-8").replace("./", "")
    text = page(folder, tfrobust)
    for name in tfrobust.__all__:
        first = inspect.getdoc(getattr(tfrobust, name)).splitlines()[0]
        assert f'id="{name}"' in text and letters(first) in letters(html.unescape(re.sub(r"<[^<>]+>", "", text)))
    assert "tfrobust.api" not in vars(tfrobust) and not set(tfrobust.__all__) & set(vars(tfrobust))


def test_every_training_method_has_its_page_and_no_page_names_a_private_module(folder):
    from tfrobust.objectives import OBJECTIVES

    for method in OBJECTIVES.values():
        module = importlib.import_module(method.__module__)
        assert f'id="{method.__name__}"' in page(folder, module) and module.__doc__ and method.__doc__
    for path in (*folder.rglob("*.html"), *folder.glob("search.js")):
        assert not re.search(r"keras\.src|tensorflow\.python", re.sub(r"<[^<>]+>", "", path.read_text("utf-8")))


def test_the_pages_lead_to_each_other(folder):
    for path in folder.rglob("*.html"):
        for link in re.findall(r'href="([^"#:]+\.html)', path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name} leads to {link}"


if __name__ == "__main__":
    run_tests(__file__)
