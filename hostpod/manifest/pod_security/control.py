"""What a control is made of: where a pod breaks it, and how Kubernetes says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from hostpod.kube import Pod
from hostpod.kube.container import ContainerFields

Path = tuple[str | int, ...]

POD = ""
"""Who it is that sets a field of the pod itself; containers have names."""


class Place(NamedTuple):
    """A field that breaks a control: where it is, whose it is, and what stands there."""

    path: Path
    who: str = POD
    value: str = ""


Places = Sequence[Place]


class Control(NamedTuple):
    """One control of a standard. `words` are the reason and the details of all places, as Kubernetes writes them."""

    name: str
    places: Callable[[Pod], Places]
    words: Callable[[Places], tuple[str, str]]


def containers_of(pod: Pod) -> Iterator[tuple[Path, ContainerFields]]:
    """All containers with their paths, in the order in which Kubernetes looks at them."""
    groups: tuple[tuple[str, Sequence[ContainerFields]], ...] = (
        ("initContainers", pod.spec.init_containers),
        ("containers", pod.spec.containers),
        ("ephemeralContainers", pod.spec.ephemeral_containers),
    )
    for name, group in groups:
        for index, container in enumerate(group):
            yield ("spec", name, index), container


def has_own_users(pod: Pod) -> bool:
    """Root of a user namespace is nobody on the host, so the standards ask less of such a pod (since v1.35)."""
    return pod.spec.host_users is False


def is_for_windows(pod: Pod) -> bool:
    """What Windows does not have, the standards do not ask for (since v1.25)."""
    return pod.spec.os is not None and pod.spec.os.name == "windows"


def plural(word: str, count: int) -> str:
    """`container`, or `containers` where there are not one."""
    return word if count == 1 else f"{word}s"


def quoted(values: Iterable[str]) -> str:
    """`"a", "b"`"""
    return ", ".join(f'"{value}"' for value in values)


def values_of(places: Places) -> list[str]:
    """What stands in the places, each once and sorted."""
    return sorted({place.value for place in places})


def named(word: str, names: Iterable[str]) -> str:
    """`container "a"` or `containers "a", "b"`, each once."""
    each = tuple(dict.fromkeys(names))
    return f"{plural(word, len(each))} {quoted(each)}"


def containers_in(places: Places) -> str:
    """The containers whose fields they are."""
    return named("container", (place.who for place in places))


def setters_in(places: Places) -> str:
    """`pod and container "a"`: whose fields they are, where the pod may have such a field too."""
    pod = ["pod"] if any(place.who == POD for place in places) else []
    own = [place for place in places if place.who != POD]
    return " and ".join((*pod, *([containers_in(own)] if own else [])))


def count_verb(places: Places) -> str:
    """`uses` for one container, `use` for several."""
    return "uses" if len({place.who for place in places}) == 1 else "use"
