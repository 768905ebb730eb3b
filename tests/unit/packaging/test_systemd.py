"""What packaging/systemd tells systemd fits the settings' defaults."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from hostpod.cli.serve import EXIT_CONFIG
from hostpod.config import Config, parse_duration
from hostpod.network.address import host_link

ROOT = Path(__file__).parents[3]
SYSTEMD = ROOT / "packaging/systemd"
DEFAULTS = Config()
UNITS = sorted(path.name for kind in ("service", "socket", "slice") for path in SYSTEMD.glob(f"*.{kind}"))


def _read(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((SYSTEMD / name).read_text())
    return parser


def _own_links() -> list[str]:
    return [DEFAULTS.network.bridge, host_link(DEFAULTS.network.link_prefix, "some-uid")]


@pytest.mark.parametrize("link", _own_links())
def test_networkd_leaves_hostpods_links_alone(link: str) -> None:
    network = _read("05-hostpod.network")
    assert any(fnmatchcase(link, pattern) for pattern in network["Match"]["Name"].split())
    assert network["Link"]["Unmanaged"] == "yes"


@pytest.mark.parametrize("link", _own_links())
def test_network_manager_leaves_hostpods_links_alone(link: str) -> None:
    device = _read("hostpod-networkmanager.conf")["device-hostpod"]
    patterns = [each.removeprefix("interface-name:") for each in device["match-device"].split(";")]
    assert any(fnmatchcase(link, pattern) for pattern in patterns)
    assert device["managed"] == "0"


@pytest.mark.parametrize("link", ["eth0", "enp3s0", "hp0", "hpx", "docker0", "hostpod1"])
def test_links_of_others_stay_with_who_manages_them(link: str) -> None:
    assert not any(fnmatchcase(link, pattern) for pattern in _read("05-hostpod.network")["Match"]["Name"].split())


def test_the_sockets_are_those_of_the_settings() -> None:
    control, readonly = _read("hostpod.socket")["Socket"], _read("hostpod-readonly.socket")["Socket"]
    assert control["ListenStream"] == str(DEFAULTS.socket.path)
    assert control["SocketGroup"] == DEFAULTS.socket.group
    assert control["SocketMode"] == "0660"
    assert readonly["ListenStream"] == f"{DEFAULTS.http.address}:{DEFAULTS.http.read_only_port}"


def test_a_start_of_the_service_brings_both_sockets_back() -> None:
    assert {"hostpod.socket", "hostpod-readonly.socket"} <= set(_read("hostpod.service")["Unit"]["Wants"].split())


def test_the_directories_are_those_of_the_settings() -> None:
    service, directories = _read("hostpod.service")["Service"], DEFAULTS.directories
    assert Path("/var/lib", service["StateDirectory"]) == directories.state
    assert Path("/run", service["RuntimeDirectory"]) == directories.runtime
    assert [Path("/var/log", name) for name in service["LogsDirectory"].split()] == [
        directories.logs,
        directories.log_links,
    ]
    assert Path("/etc", service["ConfigurationDirectory"].split()[1]) == DEFAULTS.manifests.directory
    made = re.findall(r"^d (\S+) +0(\d+)", (SYSTEMD / "hostpod.tmpfiles").read_text(), re.MULTILINE)
    assert dict(made) == {
        str(directories.runtime): "711",
        str(directories.state): "711",
        str(directories.logs): "755",
        str(directories.log_links): "755",
    }


def test_what_pods_stand_on_outlives_the_daemon() -> None:
    service = _read("hostpod.service")["Service"]
    assert service["RuntimeDirectoryPreserve"] == "yes"
    # Options that give the service a mount namespace of its own would take its mounts away with it.
    private = ("Private", "Protect", "ReadOnly", "ReadWrite", "Inaccessible", "Bind", "Mount", "Root", "Temporary")
    assert not [key for key in service if key.startswith(private)]


def test_only_broken_settings_keep_the_daemon_from_being_started_again() -> None:
    unit = _read("hostpod.service")
    assert unit["Service"]["Restart"] == "on-failure"
    assert unit["Service"]["RestartPreventExitStatus"] == str(EXIT_CONFIG)
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_a_shutdown_does_not_stop_all_pods_at_once() -> None:
    assert _read("hostpod.slice")["Unit"]["DefaultDependencies"] == "no"


def test_the_group_is_the_one_of_the_settings() -> None:
    assert f"\ng {DEFAULTS.socket.group} -\n" in (SYSTEMD / "hostpod.sysusers").read_text()


def test_logind_lets_pods_end_in_time() -> None:
    longest = parse_duration(_read("hostpod-logind.conf")["Login"]["InhibitDelayMaxSec"])
    grace = Config.model_fields["shutdown_grace_period_s"].default
    assert isinstance(longest, float)
    assert longest > grace


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_the_units_without_complaint(tmp_path: Path) -> None:
    for name in UNITS:
        text = (SYSTEMD / name).read_text().replace("/usr/bin/hostpod serve", "/bin/true")
        (tmp_path / name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    command = ["systemd-analyze", "verify", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    about_ours = [line for line in done.stderr.splitlines() if "hostpod" in line]
    assert about_ours == []
    assert done.returncode == 0
