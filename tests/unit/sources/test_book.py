from __future__ import annotations

from pathlib import PurePath

from hostpod.kube import Pod
from hostpod.manifest import Problem, parse_manifest
from hostpod.sources.book import ManifestBook, known_below, problem_of
from hostpod.sources.snapshot import FileState, Snapshot, combined, joined
from tests.unit.sources.watching import images, manifest, messages_of, pod_names

DIRECTORY = PurePath("/m")
SEEN = "kubernetes.io/config.seen"


def book(known: dict[str, list[Pod]] | None = None, *, suffix: bool = True) -> ManifestBook:
    return ManifestBook(
        lambda name: str(DIRECTORY / name), node_name="node", suffix=suffix, known=known_below(DIRECTORY, known or {})
    )


def take(written: ManifestBook, name: str, text: str, now: float = 0) -> Snapshot:
    written.take(name, parse_manifest(text.encode(), file=f"/m/{name}"), now)
    return written.snapshot(())


def test_a_pod_is_told_with_its_place_and_its_marks() -> None:
    (sourced,) = take(book(), "web.yaml", manifest("web"), 1_000_000.5).pods
    assert (sourced.file, sourced.line, sourced.seen_at) == ("/m/web.yaml", 2, 1_000_000.5)
    assert sourced.pod.name == "web-node"
    assert sourced.pod.namespace == "default"
    assert sourced.pod.metadata.annotations == {
        "kubernetes.io/config.source": "file",
        "kubernetes.io/config.hash": sourced.pod.uid,
        SEEN: "1970-01-12T13:46:40.500000Z",
    }


def test_names_can_do_without_the_nodes() -> None:
    assert take(book(suffix=False), "web.yaml", manifest("web")).pods[0].pod.name == "web"


def test_a_broken_edit_keeps_the_pods_and_tells_of_them() -> None:
    written = book()
    take(written, "web.yaml", manifest("a", "b"))
    snapshot = take(written, "web.yaml", "kind: [")
    assert pod_names(snapshot) == ["a", "b"]
    assert [found.kept_pods for found in snapshot.problems] == [("a-node", "b-node")]
    assert pod_names(take(written, "web.yaml", manifest("b"))) == ["b"]


def test_what_is_right_in_a_broken_file_is_taken() -> None:
    written = book()
    take(written, "web.yaml", manifest("a", "b", image="old"))
    snapshot = take(written, "web.yaml", manifest("a", image="new") + "---\nkind: Pod\napiVersion: v1\nspec: {}\n")
    assert dict(zip(pod_names(snapshot), images(snapshot), strict=True)) == {"a": "new", "b": "old"}
    assert {found.kept_pods for found in snapshot.problems} == {("b-node",)}
    snapshot = take(written, "web.yaml", "[")
    assert dict(zip(pod_names(snapshot), images(snapshot), strict=True)) == {"a": "new", "b": "old"}


def test_a_file_that_never_was_right_has_no_pods() -> None:
    snapshot = take(book(), "web.yaml", "kind: [")
    assert snapshot.pods == ()
    assert snapshot.problems[0].kept_pods == ()


def test_a_file_that_cannot_be_read_keeps_its_pods() -> None:
    written = book()
    take(written, "web.yaml", manifest("a"))
    written.refuse("web.yaml", "cannot be read: permission denied")
    written.refuse("new.yaml", "is empty")
    snapshot = written.snapshot([problem_of("/m", "trouble")])
    assert pod_names(snapshot) == ["a"]
    assert [(found.problem, found.kept_pods) for found in snapshot.problems] == [
        (Problem(file="/m", line=0, column=0, path="", message="trouble"), ()),
        (Problem(file="/m/new.yaml", line=0, column=0, path="", message="is empty"), ()),
        (
            Problem(file="/m/web.yaml", line=0, column=0, path="", message="cannot be read: permission denied"),
            ("a-node",),
        ),
    ]


def test_a_file_that_is_gone_takes_its_pods_along() -> None:
    written = book()
    take(written, "web.yaml", manifest("a"))
    written.drop("web.yaml")
    written.drop("web.yaml")
    assert written.snapshot(()) == Snapshot()
    assert written.names == frozenset()


def test_of_two_pods_of_one_name_the_one_of_the_first_file_runs() -> None:
    written = book()
    take(written, "b.yaml", manifest("web", image="second"))
    snapshot = take(written, "a.yaml", manifest("web", image="first"))
    assert images(snapshot) == ["first"]
    assert messages_of(snapshot) == [
        (
            'b.yaml:2: metadata.name: the pod "default/web-node" is in /m/a.yaml already, which comes first and runs: '
            "rename or remove one"
        )
    ]
    written.drop("a.yaml")
    assert images(written.snapshot(())) == ["second"]
    assert not written.snapshot(()).problems


def test_of_two_pods_of_one_name_in_one_file_the_first_runs() -> None:
    snapshot = take(book(), "a.yaml", manifest("web", image="first") + manifest("web", image="second"))
    assert images(snapshot) == ["first"]
    assert len(snapshot.problems) == 1


def test_the_same_name_in_another_namespace_is_another_pod() -> None:
    written = book()
    take(written, "a.yaml", manifest("web"))
    snapshot = take(written, "b.yaml", manifest("web").replace("name: web", "name: web\n  namespace: other"))
    assert [sourced.pod.namespace for sourced in snapshot.pods] == ["default", "other"]
    assert not snapshot.problems


def test_a_pod_that_did_not_change_stays_the_one_that_was_seen() -> None:
    written = book()
    first = take(written, "a.yaml", manifest("web", "other"), 1).pods
    moved = take(written, "a.yaml", "# a comment\n" + manifest("web") + manifest("other", image="new"), 2).pods
    assert moved[0].pod == first[0].pod
    assert (moved[0].seen_at, moved[0].line) == (1, 3)
    assert moved[1].seen_at == 2
    assert moved[1].pod.uid != first[1].pod.uid


def test_a_pod_with_a_uid_of_its_own_changes_all_the_same() -> None:
    written = book()
    text = manifest("web").replace("name: web", "name: web\n  uid: abc")
    take(written, "a.yaml", text, 1)
    assert take(written, "a.yaml", text, 2).pods[0].seen_at == 1
    assert take(written, "a.yaml", text.replace("nginx", "httpd"), 3).pods[0].seen_at == 3


def test_after_a_restart_the_pods_of_a_broken_file_go_on() -> None:
    (running,) = take(book(), "a.yaml", manifest("web"), 1_000_000).pods
    written = book({"/m/a.yaml": [running.pod], "/elsewhere/b.yaml": [running.pod]})
    assert written.names == {"a.yaml"}
    assert [sourced.pod for sourced in take(written, "a.yaml", "[").pods] == [running.pod]


def test_after_a_restart_the_same_pod_is_the_same() -> None:
    (running,) = take(book(), "a.yaml", manifest("web"), 1_000_000.25).pods
    again = Pod.model_validate(running.pod.model_dump(by_alias=True, exclude_none=True))
    (sourced,) = take(book({"/m/a.yaml": [again]}), "a.yaml", manifest("web"), 2_000_000).pods
    assert sourced == running


def test_a_pod_without_a_moment_was_seen_long_ago() -> None:
    (running,) = take(book(), "a.yaml", manifest("web"), 1).pods
    bare = running.pod.model_copy(update={"metadata": running.pod.metadata.model_copy(update={"annotations": {}})})
    (kept,) = take(book({"/m/a.yaml": [bare]}), "a.yaml", "[").pods
    assert kept.seen_at == 0


def test_nothing_is_nothing() -> None:
    assert combined({}) == Snapshot()
    assert FileState().wished == ()


# ConfigMaps and Secrets

CONFIG = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: {value}}}\n"


def config_map(name: str = "settings", value: str = "x", more: str = "") -> str:
    return CONFIG.format(name=name, value=value) + more


def values(snapshot: Snapshot) -> dict[str | None, str]:
    return {each.config.metadata.name: each.config.data["a"] for each in snapshot.configs}


def test_a_config_map_is_told_with_its_place() -> None:
    snapshot = take(book(), "web.yaml", manifest("web") + config_map())
    assert [(each.file, each.line) for each in snapshot.configs] == [("/m/web.yaml", 11)]
    assert values(snapshot) == {"settings": "x"}
    assert "data" not in repr(snapshot.configs)


def test_a_broken_edit_keeps_config_maps() -> None:
    written = book()
    take(written, "c.yaml", config_map("a", "old") + config_map("b", "old"))
    assert values(take(written, "c.yaml", config_map("a", "new") + "---\n[")) == {"a": "new", "b": "old"}
    written.refuse("c.yaml", "is gone mad")
    assert values(written.snapshot(())) == {"a": "new", "b": "old"}
    assert values(take(written, "c.yaml", config_map("b", "new"))) == {"b": "new"}
    written.drop("c.yaml")
    assert values(written.snapshot(())) == {}


def test_of_two_config_maps_of_one_name_the_first_counts() -> None:
    written = book()
    take(written, "a.yaml", config_map(value="first"))
    secret = config_map().replace("ConfigMap", "Secret").replace("a: x", "a: eA==")
    snapshot = take(written, "b.yaml", config_map(value="second") + secret)
    assert [each.config.data["a"] for each in snapshot.configs] == ["first", "eA=="]
    assert messages_of(snapshot) == [
        (
            'b.yaml:2: metadata.name: the ConfigMap "default/settings" is in /m/a.yaml already, '
            "which comes first and counts: rename or remove one"
        )
    ]


def test_what_is_immutable_stays_as_it_was_until_it_is_removed() -> None:
    written = book()
    take(written, "c.yaml", config_map(value="old", more="immutable: true\n"))
    for _ in range(2):
        snapshot = take(written, "c.yaml", config_map("b") + config_map(value="new"))
        assert values(snapshot) == {"b": "x", "settings": "old"}
        assert messages_of(snapshot) == [
            (
                "c.yaml:7: immutable: is immutable and stays as it was: give the new one another name, "
                "or remove the old one first"
            )
        ]
    assert not take(written, "c.yaml", config_map(value="old", more="immutable: true\n")).problems
    take(written, "c.yaml", "")
    assert values(take(written, "c.yaml", config_map(value="new"))) == {"settings": "new"}


# Several sources


def test_of_two_pods_of_one_name_the_one_of_the_first_source_runs() -> None:
    first, second = book(), book()
    told = [take(first, "z.yaml", manifest("web", image="first") + config_map(value="first")),
            take(second, "a.yaml", manifest("web", "other", image="second") + config_map(value="second"))]  # fmt: skip
    both = joined(told)
    assert dict(zip(pod_names(both), images(both), strict=True)) == {"web": "first", "other": "second"}
    assert values(both) == {"settings": "first"}
    assert [str(found.problem).partition(" is in ")[0] for found in both.problems] == [
        '/m/a.yaml:2: metadata.name: the pod "default/web-node"',
        '/m/a.yaml:20: metadata.name: the ConfigMap "default/settings"',
    ]
    first.drop("z.yaml")
    both = joined([first.snapshot(()), told[1]])
    assert (images(both), values(both), both.problems) == (["second", "second"], {"settings": "second"}, ())


def supposed(written: ManifestBook, text: str, name: str = "web.yaml", *, whole: bool = False) -> Snapshot:
    return written.supposing({name: parse_manifest(text.encode(), file=f"/m/{name}")}, 5.0, whole=whole)


def test_what_is_supposed_changes_nothing() -> None:
    written = book()
    before = [take(written, name, manifest(name[0])) for name in ("a.yaml", "b.yaml")][-1]
    assert images(supposed(written, manifest("a", image="other"), "a.yaml")) == ["other", "nginx"]
    assert pod_names(supposed(written, manifest("c"), "c.yaml")) == ["a", "b", "c"]
    assert pod_names(supposed(written, manifest("c"), "c.yaml", whole=True)) == ["c"]
    assert pod_names(supposed(written, manifest("a"), "a.yaml", whole=True)) == ["a"]
    assert written.snapshot(()) == before


def test_what_is_supposed_is_taken_as_a_file_is() -> None:
    written = book()
    before = take(written, "web.yaml", manifest("a"))
    assert supposed(written, manifest("a")).pods == before.pods
    broken = supposed(written, "kind: [")
    assert (pod_names(broken), [found.kept_pods for found in broken.problems]) == (["a"], [("a-node",)])
    assert messages_of(supposed(written, manifest("a"), "b.yaml"))
