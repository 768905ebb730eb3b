from __future__ import annotations

import pytest

from hostpod.config import Config, parse_config
from hostpod.config.ranges import is_live, settings
from hostpod.config.reload import reloaded


def settings_of(text: str) -> Config:
    return parse_config(f"nodeName: host\n{text}", file="h.yaml")


def test_what_can_change_does_and_what_cannot_is_named() -> None:
    held = settings_of("")
    read = settings_of(
        "logLevel: debug\nmaxPods: 5\nstopPodsOnExit: true\nbackoff: {initial: 1s}\n"
        "network: {subnet: 10.9.0.0/24}\nhttp: {readOnlyPort: 0}\nimages: {pullDeadline: 60s, layers: directory}\n"
    )
    outcome = reloaded(held, read)
    assert outcome.changed == (
        "maxPods 110 → 5",
        "logLevel info → debug",
        "stopPodsOnExit false → true",
        "images.pullDeadline 900s → 60s",
        "backoff.initial 10s → 1s",
    )
    assert outcome.need_restart == ("http.readOnlyPort", "network.subnet", "images.layers")
    config = outcome.config
    assert (config.max_pods, config.log_level, config.backoff.initial_s) == (5, "debug", 1.0)
    assert (config.images.pull_deadline_s, config.images.layers) == (60.0, "auto")
    assert (config.network, config.http) == (held.network, held.http)


def test_settings_that_are_the_same_change_nothing() -> None:
    held = settings_of("images: {authFile: /etc/auth.json}\nlogging: {journal: false}\n")
    outcome = reloaded(held, settings_of("images: {authFile: /etc/auth.json}\nlogging: {journal: false}\n"))
    assert (outcome.config, outcome.changed, outcome.need_restart) == (held, (), ())


def test_what_needs_a_restart_is_named_until_there_was_one() -> None:
    held, read = settings_of(""), settings_of("cgroups: {pidsLimit: 9}")
    again = reloaded(reloaded(held, read).config, read)
    assert (again.config, again.need_restart) == (held, ("cgroups.pidsLimit",))


@pytest.mark.parametrize(
    "live",
    ["logLevel", "maxPods", "shutdownGracePeriod", "shutdownGracePeriodCriticalPods", "stopPodsOnExit",
     "manifests.rescanInterval", "manifests.settle", "manifests.maxBytes", "manifests.urlInterval",
     "manifests.urlTimeout", "images.maxParallelPulls",
     "images.maxParallelLayers", "images.pullDeadline", "backoff.initial", "backoff.max", "backoff.reset",
     "logging.journal", "reserved.cpu", "eviction.memoryAvailable", "eviction.transitionPeriod"],
)  # fmt: skip
def test_what_a_reload_can_change(live: str) -> None:
    assert live in {".".join(keys) for keys, field in settings() if is_live(field)}


def test_amounts_change_as_they_are_written() -> None:
    read = settings_of("reserved: {cpu: 500m, memory: 1Gi}\neviction: {memoryAvailable: 5%, pidAvailable: 100}\n")
    result = reloaded(settings_of(""), read)
    assert result.config == read
    assert result.changed == (
        "reserved.cpu 0 → 500m", "reserved.memory 0 → 1Gi", "eviction.memoryAvailable 100Mi → 5%",
        "eviction.pidAvailable 2% → 100",
    )  # fmt: skip


def test_devices_change_as_a_list() -> None:
    read = settings_of("devices: [{resource: example.com/a, paths: [/dev/a]}]\n")
    outcome = reloaded(settings_of(""), read)
    assert outcome.config.devices == read.devices
    assert outcome.need_restart == ()
    assert reloaded(read, read).changed == ()
