"""The 128-bit ids of what a machine may look for in the journal (MESSAGE_ID), by the name that is logged with it.

An id never changes its meaning and is never used again. packaging/systemd/hostpod.catalog explains each of them to
people (`journalctl -x`); a test compares the two. A name is an event's reason as `hostpod events` shows it, the more
exact cause that is logged beside it, or what only the journal is told.
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGE_IDS: Mapping[str, str] = {
    # the daemon
    "Ready": "bccb18dae57b471f8d18441f51ce869a",
    "Stopping": "46f9d6005b5e454e9706a57c4d81c413",
    "StoppingPods": "729b4942869e425984c24fa33ee065ef",
    "Fault": "5a01d4a604844bb4a9cd539b2d3f8c87",
    "CannotRun": "959203dde3a74f8fbc8178f8a6e7bd29",
    "Reloaded": "54563e41c7854220b1d31b4fd9666098",
    "ReloadRefused": "e3e8c81c34bc4fae9883bee00f7e05c7",
    "RestartNeeded": "92a76e81efcf4de6907a3336cbdca106",
    "Stalled": "ec936ff85aa944428dd9c4fc51ccb1d3",
    "Shutdown": "71543e1b56f64a85a7b8141266251fdc",
    "ShutdownCalledOff": "e99d85568b2949169054b3cbb6f2aa71",
    # manifests and pods
    "FailedValidation": "ae151789480a4221b2a448963f74fd98",
    "PodSecurity": "051ed8457c1f4f19b598726886ab8d32",
    "OutOfpods": "960f78c868bd46be80817387e2e08a38",
    "OutOfcpu": "c528e6198aec4758853123f79bc7db5c",
    "OutOfmemory": "a9f03503f08e44eb9ffd28ed2bbf05ca",
    "OutOfephemeral-storage": "296da57efba1430baa97fa38634857fe",
    "OutOfhugepages": "2b8b8f848ebc4bcfbfd3db96ad946910",
    "UnexpectedAdmissionError": "742505e03d224a9a9aae4ea78b60e901",
    "NodePorts": "94596978f0fa407aaa4576fecbc64209",
    "SysctlForbidden": "efd26cd56ee04cdab55fd231f46848a0",
    "AppArmor": "2d531d72d46c4b7ab4e84951ae00328d",
    "SELinux": "342efb5fddae4b16bb06f5da5ff3c425",
    "Evicted": "4905dac73dc4413fa4c9f64052937fd1",
    "WaitingForPods": "f19f3f35030748dbacd4f0bee00b6d51",
    "EvictionThresholdMet": "c300594e9fdb4c4b954a5f34f0893ac2",
    "FailedCreatePodSandBox": "cf836db13bdd478084e1506c540c9291",
    "FailedMount": "b9055c8f37124f2b9a5096b219349c6d",
    "FailedKillPod": "1232514bc20849f6822b745a93ffa5a6",
    # images
    "FailedToRetrieveImagePullSecret": "3f7ae3a23b7b47cc8e3d0babce2b641f",
    "Pulled": "714b99806d434e95a59c9232b6e9d6a8",
    "ErrImagePull": "8b9f2ca970a7454cafdd7221175546e3",
    "ErrImageNeverPull": "8b9f0603d9ec45b5baace64e92f2d8fd",
    "InvalidImageName": "ba07f56ce5a8496faf70e43f797d85a6",
    "FailedPreload": "6131ffc145724b448c8a86d045e06d23",
    "CorruptImage": "dcd6e5a85ca04d3193c5626a179f219b",
    # containers
    "Started": "e36153b279114de5a177ba89b27e834e",
    "Killing": "c8c918199aeb46cdb033c41e787e6d16",
    "Died": "9d74033a6dd84a09b1fccb1aa7610d41",
    "OOMKilled": "dbd64f26a58a4d8cb70ebf153f8ed08a",
    "BackOff": "5bdacd6a35a14c4d84faed2f3163bf49",
    "Unhealthy": "8d108850d14e4f0b80bc74d87bd9d15e",
    "ProbeWarning": "3f46573b77da4f5d8d80a623e2260d23",
    "Failed": "76be392a3dee40d9b3615faceabfd14d",
    "ContainerCannotRun": "7cb95c6e53dd43afbec241cc557df9a4",
    "CreateContainerError": "f0a64bf020bd423b8f2fc336989e5f81",
    "CreateContainerConfigError": "c692c1b913df4997aafc814159aa36ce",
    "RunContainerError": "af94830f588546b286a52a72069d7d2e",
}
_HUGE_PAGES = "OutOfhugepages"


def message_id(*names: str | None) -> str | None:
    """The id of the first of these names that has one: the most exact comes first. Huge pages of any size have one."""
    kinds = (_HUGE_PAGES if name and name.startswith(f"{_HUGE_PAGES}-") else name for name in names)
    return next((MESSAGE_IDS[kind] for kind in kinds if kind and kind in MESSAGE_IDS), None)
