from __future__ import annotations

from hostpod.manifest.rules.violation import Violation, exactly_one, formatted, listed, quoted, required, unique


def test_a_long_value_is_shortened_and_stays_on_one_line() -> None:
    assert quoted("a\nb") == '"a b"'
    assert quoted("x" * 61) == f'"{"x" * 60}…"'


def test_choices_read_as_a_sentence() -> None:
    assert listed(["a"]) == '"a"'
    assert listed(["a", "b", "c"]) == '"a", "b" or "c"'


def test_of_several_forms_the_first_broken_one_is_told() -> None:
    found = formatted(("name",), "x", lambda _: None, lambda _: "first", lambda _: "second")
    assert list(found) == [Violation(path=("name",), message='"x" must be first')]


def test_absent_and_empty_are_the_same() -> None:
    values: list[object] = [None, "", (), {}, 0, False, "a"]
    assert [len(list(required((), value))) for value in values] == [1, 1, 1, 1, 0, 0, 0]


def test_each_repetition_is_told_where_it_is() -> None:
    found = unique([(("a",), 1), (("b",), 1), (("c",), 2), (("d",), 1)], "{} again")
    assert [violation.path for violation in found] == [("b",), ("d",)]


def test_one_of_several() -> None:
    assert [violation.message for violation in exactly_one((), [], ["a", "b"])] == ['is empty, set one of "a" or "b"']
    assert list(exactly_one((), ["a"], ["a", "b"])) == []
    assert [violation.path for violation in exactly_one(("x",), ["a", "b"], ["a", "b"])] == [("x", "b")]
