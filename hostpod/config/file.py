"""The settings file to Config, or every problem in it with its line."""

from __future__ import annotations

import difflib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hostpod.config.pod_security import URL
from hostpod.config.ranges import entries_of, listed_section, range_of, section_of
from hostpod.config.values import DEFAULT_PATH, Config

Keys = tuple[str, ...]


class ConfigError(Exception):
    """The settings cannot be used; one message a line, each naming file, line and key."""


def load_config(path: Path | None = None) -> Config:
    """The settings of a file; without a path those of /etc/hostpod/hostpod.yaml, which need not exist.

    Raises ConfigError with all problems of the file.
    """
    try:
        text = _text_of(path or DEFAULT_PATH)
    except FileNotFoundError:
        if path is None:
            return Config()
        raise ConfigError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path or DEFAULT_PATH}: cannot be read: {reason}") from error
    return parse_config(text, file=str(path or DEFAULT_PATH))


def _text_of(path: Path) -> str:
    # Not blocking: a pipe that nobody writes to would hold up the daemon for ever, and a device has no end.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="utf-8") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ConfigError(f"{path}: is no regular file, which settings must be")
        return file.read()


def parse_config(text: str, *, file: str) -> Config:
    """Settings from YAML text; `file` is the name used in messages."""
    root, data = _read(text, file)
    if root is None or data is None:
        return Config()
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{file}:{_line(root)}: must be settings of the form `key: value`")
    problems = list(_key_problems(root, Config, ()))
    try:
        config = Config.model_validate_json(json.dumps(_known(data, Config), default=str), strict=True)
        problems += _source_problems(root, config)
    except ValidationError as error:
        problems += [_value_problem(root, details) for details in error.errors(include_url=False)]
    if problems:
        raise ConfigError("\n".join(f"{file}:{line}: {message}" for line, message in sorted(problems)))
    return config


def _read(text: str, file: str) -> tuple[yaml.Node | None, Any]:
    """The document as nodes, which know their lines, and as values; None where there is none."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}:1: not YAML: {str(error).splitlines()[0]}") from error


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _key_problems(node: yaml.MappingNode, model: type[BaseModel], above: Keys) -> Iterator[tuple[int, str]]:
    """Keys that are unknown or written twice."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        path = (*above, key)
        if key in seen:
            yield _line(key_node), f"{_dotted(path)}: written twice, first in line {seen[key]}; keep one"
        seen.setdefault(key, _line(key_node))
        if key not in fields:
            yield _line(key_node), f"{_dotted(path)}: unknown setting{_suggestion(key, list(fields))}"
            continue
        section, entry = section_of(fields[key]) or listed_section(fields[key]), entries_of(fields[key])
        if entry is not None and isinstance(value_node, yaml.MappingNode):
            yield from _entry_problems(value_node, entry, path)
        if section is None:
            continue
        for group in value_node.value if isinstance(value_node, yaml.SequenceNode) else (value_node,):
            if isinstance(group, yaml.MappingNode):
                yield from _key_problems(group, section, path)


def _entry_problems(node: yaml.MappingNode, model: type[BaseModel], above: Keys) -> Iterator[tuple[int, str]]:
    """The same, in the groups of a map."""
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        path = (*above, str(key_node.value))
        if path[-1] in seen:
            yield _line(key_node), f"{_dotted(path)}: written twice, first in line {seen[path[-1]]}; keep one"
        seen.setdefault(path[-1], _line(key_node))
        if isinstance(value_node, yaml.MappingNode):
            yield from _key_problems(value_node, model, path)


def _source_problems(root: yaml.Node, config: Config) -> Iterator[tuple[int, str]]:
    """Standards for sources that there are not. Not a rule of the values: a reload changes one without the other."""
    directories = [str(each) for each in config.manifests.all_directories]
    for source in config.pod_security.sources:
        path = ("podSecurity", "sources", source)
        if source == URL and config.manifests.url is None:
            yield _line(_find(root, path)[0]), f"{_dotted(path)}: is of no use, manifests.url is not set"
        elif source != URL and source not in directories:
            words = f"is no directory of manifests, there are {', '.join(directories)}"
            yield _line(_find(root, path)[0]), f"{_dotted(path)}: {words}"


def _suggestion(key: str, known: Sequence[str]) -> str:
    folded = {name.lower(): name for name in known}
    close = difflib.get_close_matches(key.replace("_", "").lower(), folded, n=1, cutoff=0.6)
    if close:
        return f', did you mean "{folded[close[0]]}"?'
    return f"; there are {', '.join(sorted(known))}"


def _known(data: Any, model: type[BaseModel]) -> Any:
    """The data without unknown keys, which have been told of already; an empty section is one of defaults."""
    if not isinstance(data, Mapping):
        return data
    known: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias not in data:
            continue
        section, listed, entry = section_of(field), listed_section(field), entries_of(field)
        if listed is not None and isinstance(data[alias], list):
            known[alias] = [_known(item, listed) for item in data[alias]]
        elif entry is not None and isinstance(data[alias], Mapping):
            known[alias] = {str(key): _known(value, entry) for key, value in data[alias].items()}
        elif section is None:
            known[alias] = data[alias]
        elif data[alias] is not None:
            known[alias] = _known(data[alias], section)
    return known


def _value_problem(root: yaml.Node, details: ErrorDetails) -> tuple[int, str]:
    path = tuple(str(part) for part in details["loc"])
    node, keys = _find(root, path)
    if not path:
        words = _words(details, node, keys)
        return _line(_first_named(root, words)), words
    return _line(node), f"{_dotted(keys)}: {_words(details, node, keys)}"


def _first_named(root: yaml.Node, words: str) -> yaml.Node:
    """The first setting of the file that is named: settings that do not go together have no place of their own."""
    named = set(re.findall(r"\w+", words))
    values = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value for key, value in values if key.value in named), root)


def _find(root: yaml.Node, path: Keys) -> tuple[yaml.Node, Keys]:
    """The node at a path, and as much of the path as is in the file (unions add names of their own)."""
    node, keys = root, tuple[str, ...]()
    for part in path:
        if isinstance(node, yaml.SequenceNode) and part.isdecimal():
            node = node.value[int(part)]
            continue
        if not isinstance(node, yaml.MappingNode):
            break
        for key_node, value_node in reversed(node.value):
            if key_node.value == part:
                node, keys = value_node, (*keys, part)
                break
    return node, keys


# pydantic's error types, in plain words
_WORDS = {
    "greater_than_equal": "{given} is out of range, must be {range}",
    "less_than_equal": "{given} is out of range, must be {range}",
    "string_too_short": "{given} cannot be used, must be {range}",
    "string_too_long": "{given} cannot be used, must be {range}",
    "string_pattern_mismatch": "{given} cannot be used, must be {range}",
    "literal_error": "{given} is not known, must be {range}",
    "int_type": "{given} is not a whole number",
    "int_from_float": "{given} is not a whole number",
    "float_type": "{given} is not a duration, write for example 20s, 1m30s or 500ms",
    "bool_type": "{given} must be true or false",
    "string_type": "{given} is not text, put it in quotes",
    "path_type": "{given} is not a path",
    "dict_type": "{given} must be a map, write for example {{/srv/pods: {{enforce: restricted}}}}",
    "tuple_type": "{given} must be a list, write for example [/srv/pods]",
    "missing": "{missing} is missing",
    "model_type": "{given} must be a group of settings, one a line, indented below the key",
}


def _words(details: ErrorDetails, node: yaml.Node, keys: Keys) -> str:
    given = _as_written(node)
    if details["type"] == "value_error":
        return str(details["msg"]).removeprefix("Value error, ")
    words = _WORDS.get(details["type"])
    if words is None:
        return f"{given}: {details['msg']}"
    return words.format(given=given, range=range_of(keys), missing=details["loc"][-1])


def _as_written(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        return "a list" if isinstance(node, yaml.SequenceNode) else "a group"
    return f'"{node.value}"' if node.tag.endswith(":str") else str(node.value)


def _dotted(path: Keys) -> str:
    return ".".join(path)
