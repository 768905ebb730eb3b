from __future__ import annotations

import pytest

from hostpod.kube import Pod
from hostpod.volumes.errors import VolumeError
from hostpod.volumes.huge_pages import huge_page_bytes


def asking(*sizes: str, whole: tuple[str, ...] = ()) -> Pod:
    def limits(names: tuple[str, ...]) -> dict[str, dict[str, str]]:
        return {"limits": {f"hugepages-{size}": size for size in names}}

    containers = [{"name": "c", "image": "i", "resources": limits(sizes)}]
    return Pod.model_validate(
        {"metadata": {"name": "p"}, "spec": {"containers": containers, "resources": limits(whole)}}
    )


def test_the_size_that_is_named_or_the_only_one() -> None:
    assert huge_page_bytes(asking("2Mi", "1Gi"), "HugePages-1Gi") == 1 << 30
    assert huge_page_bytes(asking("2Mi"), "HugePages") == 2 << 20
    assert huge_page_bytes(asking(whole=("2Mi",)), "HugePages") == 2 << 20


@pytest.mark.parametrize(
    ("pod", "medium", "message"),
    [
        (asking("2Mi"), "HugePages-1Gi", "medium HugePages-1Gi: no container of the pod has a limit of hugepages-1Gi"),
        (asking(), "HugePages", "medium HugePages: no container asks for huge pages"),
        (
            asking("2Mi", "1Gi"),
            "HugePages",
            "medium HugePages: the pod has hugepages-1Gi, hugepages-2Mi: name one, HugePages-SIZE",
        ),
    ],
)
def test_what_no_container_asks_for_cannot_be_had(pod: Pod, medium: str, message: str) -> None:
    with pytest.raises(VolumeError) as error:
        huge_page_bytes(pod, medium)
    assert str(error.value) == message
