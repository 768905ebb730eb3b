from __future__ import annotations

from hostpod.cli.table import Table, align, printable


def test_columns_are_as_wide_as_their_widest_cell_and_three() -> None:
    assert Table(["NAME", "READY", "AGE"]).head([["web-host", "1/1", "5s"], ["a", "0/1", "3m"]]) == [
        "NAME       READY   AGE",
        "web-host   1/1     5s",
        "a          0/1     3m",
    ]


def test_a_column_is_never_narrower_than_six() -> None:
    assert Table(["A", "B"]).head([["x", "y"]]) == ["A     B", "x     y"]


def test_later_rows_stay_below_each_other_and_columns_only_grow() -> None:
    table = Table(["NAME", "AGE"])
    table.head([["a-long-name", "1s"]])
    assert table.lines([["b", "2s"]]) == ["b             2s"]
    assert table.lines([["a-longer-name!", "2s"], ["c", "1s"]]) == ["a-longer-name!   2s", "c                1s"]


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[31mb\rc\x7f") == "a^[[31mb^Mc^?"
    assert Table(["M", "N"]).head([["two\nlines\there", "x"]])[1] == "two lines here   x"


def test_tab_stops_are_shared_by_lines_that_follow_each_other() -> None:
    text = "Name:\tweb\nNode:\thost\nContainers:\n  a:\n    Image ID:\tx\n    Port:\t<none>"
    assert align(text) == ("Name:  web\nNode:  host\nContainers:\n  a:\n    Image ID:  x\n    Port:      <none>")


def test_cells_of_inner_columns_are_measured_among_their_neighbours() -> None:
    assert align("a\tbbbb\tc\na\tb\tc\nx\ta\n") == "a  bbbb  c\na  b     c\nx  a\n"


def test_an_empty_first_cell_is_a_column_too() -> None:
    assert align("Labels:\ta=1\n\tb=2") == "Labels:  a=1\n         b=2"
