"""Documents, places, and mistakes of YAML and JSON in plain words; with the parser in C and the one in Python."""

from __future__ import annotations

import runpy
import sys

import pytest

from hostpod.manifest import yaml_source
from hostpod.manifest.place import Finding
from hostpod.manifest.structure import plain
from hostpod.manifest.tree import DEEPEST
from hostpod.manifest.yaml_source import MOST_UNREADABLE, Source, read_documents


@pytest.fixture(params=["C", "Python"], autouse=True)
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(yaml_source, "FastParser", None)


def all_findings(source: Source) -> list[Finding]:
    return [*source.findings, *(finding for document in source.documents for finding in document.findings)]


def values(text: str | bytes) -> list[object]:
    """The documents of a text without mistakes."""
    source = read_documents(text if isinstance(text, bytes) else text.encode())
    assert all_findings(source) == []
    return [plain(document.root) for document in source.documents]


def mistakes(text: str | bytes) -> list[str]:
    """`line:column: words` of each mistake."""
    source = read_documents(text if isinstance(text, bytes) else text.encode())
    return [f"{finding.place.line}:{finding.place.column}: {finding.message}" for finding in all_findings(source)]


def test_where_pyyaml_has_no_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml._yaml", None)
    assert runpy.run_path(yaml_source.__file__)["FastParser"] is None


def test_documents_and_what_stands_between_them() -> None:
    assert values("a: 1\n---\n# nothing\n---\n--- \nb: 2\n...\n---\n") == [{"a": 1}, {"b": 2}]
    assert values("") == values("# only a comment\n") == values("---\n") == []
    assert values("%YAML 1.1\n---\na: 1\n") == [{"a": 1}]
    assert values("\ufeffa: 1") == [{"a": 1}]
    assert values("a: |\n  --- not a separator\n") == [{"a": "--- not a separator\n"}]


def test_json() -> None:
    assert values('{"a": [1, true, null, "x\\/y \\ud83d\\ude00 \\\\ud83d"]}') == [
        {"a": [1, True, None, "x/y \U0001f600 \\ud83d"]}
    ]


def test_quotes_and_tags_make_strings() -> None:
    text = "a: '80'\nb: !!str 80\nc: ! 80\nd: !!binary aGk=\ne: !!int 0644\nf: !!float 1\ng: !!map {}\nh: !!null ''"
    assert values(text) == [{"a": "80", "b": "80", "c": "80", "d": "hi", "e": 420, "f": 1, "g": {}, "h": None}]


def test_keys_are_strings() -> None:
    assert values("80: a\n0x10: b\n1.5: c\n") == [{"80": "a", "16": "b", "1.5": "c"}]


def test_anchors_and_merges() -> None:
    text = "a: &a {x: 1, z: 2}\nb: *a\nc:\n  <<: *a\n  z: 3\nd:\n  <<: [{x: 5}, *a]\n'<<': plain\n"
    assert values(text) == [
        {"a": {"x": 1, "z": 2}, "b": {"x": 1, "z": 2}, "c": {"z": 3, "x": 1}, "d": {"x": 5, "z": 2}, "<<": "plain"}
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a:\n\t- b", "2:1: a tab cannot indent YAML, write spaces"),
        ("a:\n  b: 1\n\tc: 2", "3:1: a tab cannot indent YAML, write spaces"),
        ("a: b: c", '1:5: a ":" is not expected here, check the indentation or put the value in quotes'),
        ('a:\n  b: "x\nc: 1\n', "2:6: the quote that opens here is never closed"),
        ("- a\nb: 1", "2:1: does not fit the lines above, check the indentation"),
        ("a:\n  b: 1\n c: 2\n", "3:2: does not fit the lines above, check the indentation"),
        ("a: [1, 2\nb: 3", "1:4: the bracket that opens here is not closed, or a comma is missing"),
        ("a: {x: 1", "1:4: the bracket that opens here is not closed, or a comma is missing"),
        ("a: @b", '1:4: a value cannot begin with "@", put it in quotes'),
        ("a: 1\nfoo\nb: 2", '2:1: is no "key: value", check the indentation or add the colon'),
        ("a: [1,,2]", "1:7: a value is missing here, check brackets and commas"),
        ("[", "1:2: a value is missing here, check brackets and commas"),
        ("a: - b", '1:4: a "-" is not expected here, begin the list on a line of its own'),
        ("{a: b}\n{c: d}", '2:1: does not belong to the document above, write "---" between documents'),
        ("a: 1\na: 2\n", "2:1: is set twice, remove one; it was set first on line 1"),
        ("a: *b", '1:4: the alias has no anchor before it; a text that begins with "*" needs quotes'),
        ("a: &a [*a]", "1:8: the alias stands inside of what it repeats"),
        ("a: !thing 1", '1:4: the tag means nothing here, remove it; a text that begins with "!" needs quotes'),
        ("a: !set {}", '1:4: the tag means nothing here, remove it; a text that begins with "!" needs quotes'),
        ("a: !!int x", '1:4: the value is not what its tag "!!int" says'),
        ("a: !!binary '*'", "1:4: !!binary must be base64 of a text in UTF-8"),
        ("a: .inf", "1:4: .inf is no number that a manifest can hold"),
        ("on: 1", '1:1: the key "on" means true in YAML, put it in quotes'),
        ("? [a]\n: b", "1:3: a key must be a word, put it in quotes if it is one"),
        ("?\n: b", "1:2: a key must be a word, put it in quotes if it is one"),
        ("<<: 1", '1:1: "<<" takes over the fields of an object or of a list of objects, not other values'),
        (b"a: 1\nb: \xff", "2:4: is not UTF-8 text: unexpected byte 0xff"),
        (b"\xff\xfea\x00", "1:1: is not UTF-8 text: unexpected byte 0xff"),
        (b"a: 1\nb: x\x00y", "2:5: holds the character U+0000, which YAML does not allow"),
        ("[" * 5000, f"1:{DEEPEST + 2}: is nested more than {DEEPEST} levels deep, no manifest is"),
    ],
)
def test_mistakes_in_plain_words(text: str | bytes, told: str) -> None:
    assert mistakes(text) == [told]


def test_other_mistakes_in_the_words_of_the_library() -> None:
    (told,) = mistakes("a: !x!y z")
    assert told.startswith("1:4: is no YAML: while parsing a node; found undefined tag handle")


def test_a_billion_laughs_end_at_once() -> None:
    lines = ["a0: &a0 [lol, lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    (told,) = mistakes("\n".join(lines))
    assert "holds more than 250000 values (aliases count in full), split the file" in told


def test_values_of_all_documents_count() -> None:
    bomb = "a: &a [" + "x, " * 999 + "x]\nb: &b [" + "*a, " * 99 + "*a]\nc: [*b]\n"
    assert len(mistakes(f"{bomb}---\n{bomb}---\n{bomb}")) >= 1


def test_lines_are_those_of_an_editor() -> None:
    assert mistakes("a: 1\r\nb: 2\ra: 3") == ["3:1: is set twice, remove one; it was set first on line 1"]
    assert mistakes("a: x\u2028b: 2\na: 3")[-1].startswith("2:1:")
    assert values("a: 'x\u2028y'") in ([{"a": "x\u2028y"}], [{"a": "x y"}])


def test_a_bad_document_does_not_hide_the_others() -> None:
    source = read_documents(b"a: 1\n---\nb: c: d\n---\ne: 2\ne: 3\n")
    assert [plain(document.root) for document in source.documents] == [{"a": 1}, {"e": 2}]
    assert mistakes("a: 1\n---\nb: c: d\n---\ne: 2\ne: 3\n") == [
        '3:5: a ":" is not expected here, check the indentation or put the value in quotes',
        "6:1: is set twice, remove one; it was set first on line 5",
    ]


def test_a_file_of_rubbish_is_not_read_to_its_end() -> None:
    assert len(mistakes("---\na: b: c\n" * (2 * MOST_UNREADABLE))) == MOST_UNREADABLE + 1


def test_mistakes_before_the_one_that_ends_reading_are_told() -> None:
    assert [told.split(":")[0] for told in mistakes("a: 1\na: 2\nb: c: d\n")] == ["2", "3"]
    assert [told.split(":")[0] for told in mistakes("a: 1\na: 2\nb: &b [*b]\n")] == ["2", "3"]
