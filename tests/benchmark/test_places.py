"""A page has the tables where it wants them, and keeps what is around."""

import pytest

from tests.helpers import run_tests
from tfrobust.benchmark.places import check_page, fill_page, put_into
from tfrobust.errors import InputError

PAGE = "before\n\n<!-- growth -->\n\nold\n\n<!-- end of the growth -->\n\nafter\n"


def test_a_page_keeps_what_is_around_the_tables():
    done = put_into(PAGE, "new\n", "growth")
    assert done == PAGE.replace("old", "new") and put_into(done, "new", "growth") == done
    with pytest.raises(InputError, match="no place"):
        put_into(PAGE, "new", "benchmark")


def test_a_page_is_filled(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    check_page(str(page), "growth")
    assert page.read_text() == PAGE
    assert fill_page(str(page), "new", "growth") == f", {page}"
    assert page.read_text() == PAGE.replace("old", "new")
    assert fill_page(None, "new") == ""
    with pytest.raises(InputError, match="cannot be read"):
        check_page(str(tmp_path / "none.md"))


if __name__ == "__main__":
    run_tests(__file__)
