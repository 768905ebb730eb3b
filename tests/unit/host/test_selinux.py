from __future__ import annotations

from pathlib import Path

from hostpod.host.selinux import container_labels, is_enabled


def test_a_policy_is_seen_by_its_file_system(tmp_path: Path) -> None:
    assert not is_enabled(tmp_path)
    (tmp_path / "fs/selinux").mkdir(parents=True)
    (tmp_path / "fs/selinux/enforce").write_text("1")
    assert is_enabled(tmp_path)


def test_labels_of_containers_are_the_policys(tmp_path: Path) -> None:
    usual = ("system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0")
    assert container_labels(tmp_path) == usual
    (tmp_path / "config").write_text("# a policy\nSELINUX=enforcing\nSELINUXTYPE=default\n")
    assert container_labels(tmp_path) == usual
    (tmp_path / "default/contexts").mkdir(parents=True)
    (tmp_path / "default/contexts/lxc_contexts").write_text('process = "a:b:c:s0"\nfile = "a:b:d:s0"\n')
    assert container_labels(tmp_path) == ("a:b:c:s0", "a:b:d:s0")
