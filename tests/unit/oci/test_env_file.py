from __future__ import annotations

import pytest

from hostpod.oci import SpecError
from hostpod.oci.env_file import env_file_value

FILE = """\
# A comment, and a blank line

PLAIN='value'
  INDENTED='  kept  '  # comment
EMPTY=''
APART= 'not this'
LINES='one
two='three'
AFTER='$HOME \\n "x" #'
PLAIN='second'
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLAIN", "value"),
        ("INDENTED", "  kept  "),
        ("EMPTY", ""),
        ("APART", ""),
        ("MISSING", None),
    ],
)
def test_values(name: str, value: str | None) -> None:
    assert env_file_value(FILE.replace("two='three'", "two'"), name) == value


def test_a_value_goes_over_lines_and_nothing_in_it_is_special() -> None:
    text = FILE.replace("two='three'", "two'")
    assert env_file_value(text, "LINES") == "one\ntwo"
    assert env_file_value(text, "AFTER") == '$HOME \\n "x" #'
    assert env_file_value("A='1'\r\nB='2'\r\n", "B") == "2"
    assert env_file_value("A='1'", "A") == "1"
    assert env_file_value("", "A") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1", 1),
        ('\n\nA="1"', 3),
        ("A = '1'", 1),
        ("='1'", 1),
        ("A='1' x", 1),
        ("#\nA", 2),
        ("B='x'\nA='1\n2", 2),
    ],
)
def test_what_is_no_assignment_is_said_with_its_line(text: str, line: int) -> None:
    with pytest.raises(SpecError, match=rf"^line {line} is no variable: write NAME='value'$"):
        env_file_value(text, "Z")


def test_what_comes_after_the_variable_does_not_matter() -> None:
    assert env_file_value("A='1'\nnonsense", "A") == "1"
