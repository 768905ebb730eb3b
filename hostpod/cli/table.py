"""Columns of text. Pure.

docs/decisions/ says why these few lines are not a library.
"""

from __future__ import annotations

from collections.abc import Sequence

_PADDING = 3
_NARROWEST = 6
_ESCAPES = {code: f"^{chr(code + 64)}" for code in range(32) if chr(code) not in "\t\n"} | {127: "^?"}


def printable(text: str) -> str:
    """Text without control characters: what a container says must not steer the terminal."""
    return text.translate(_ESCAPES)


class Table:
    """Rows in columns as kubectl prints them; widths only grow, so that rows of a watch stay below each other."""

    def __init__(self, headers: Sequence[str]) -> None:
        self._headers = headers
        self._widths = [0] * len(headers)

    def head(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """The header and the first rows."""
        return self.lines([self._headers, *rows])

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """Further rows."""
        clean = [[printable(cell).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows]
        for row in clean:
            self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, row, strict=True)]
        return ["".join(self._cells(row)).rstrip() for row in clean]

    def _cells(self, row: Sequence[str]) -> list[str]:
        widths = [max(width + _PADDING, _NARROWEST) for width in self._widths]
        return [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]


def align(text: str, *, padding: int = 2) -> str:
    """Elastic tab stops, as Go's text/tabwriter does it for `kubectl describe`.

    A cell ends with a tab. Cells of lines that follow each other and have a cell in this place are one column, as wide
    as its widest cell and the padding. What stands after the last tab of a line is in no column.
    """
    rows = [line.split("\t") for line in printable(text).split("\n")]
    widths = [[0] * (len(row) - 1) for row in rows]
    _measure(rows, widths, range(len(rows)), 0, padding)
    return "\n".join(
        "".join(cell.ljust(width) for cell, width in zip(row, (*line, 0), strict=True))
        for row, line in zip(rows, widths, strict=True)
    )


def _measure(rows: list[list[str]], widths: list[list[int]], part: range, column: int, padding: int) -> None:
    begin = part.start
    while begin < part.stop:
        end = begin
        while end < part.stop and len(rows[end]) - 1 > column:
            end += 1
        if end == begin:
            begin += 1
            continue
        widest = max(len(rows[row][column]) for row in range(begin, end)) + padding
        for row in range(begin, end):
            widths[row][column] = widest
        _measure(rows, widths, range(begin, end), column + 1, padding)
        begin = end
