"""The service in a system that never saw the project: installed, started, asked, restarted in every way."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.harness import FOREVER, statuses
from tests.vm.service import CLASSIC, CLASSIC_POD, SETTINGS, SOCKET, Service, pod


@pytest.fixture(scope="module")
def classic(service: Service) -> Service:
    """The service with the classic pod and two others running."""
    service.drop("nginx.yaml", CLASSIC)
    service.drop("quiet.yaml", pod("quiet", FOREVER))
    service.drop("counting.yaml", pod("counting", "n=0; while :; do echo $n; n=$((n+1)); usleep 50000; done"))
    service.wait_running(CLASSIC_POD, "quiet-lab", "counting-lab", within_s=60)
    return service


@pytest.mark.everywhere
def test_apt_starts_it_and_enables_it(service: Service) -> None:
    units = ("hostpod.service", "hostpod.socket", "hostpod-readonly.socket")
    assert service.system.run("systemctl", "is-enabled", *units).split() == ["enabled"] * 3
    assert service.system.run("systemctl", "is-active", *units).split() == ["active"] * 3
    assert service.system.attempt("systemctl", "--failed", "--quiet", "--no-legend").out == ""
    assert service.status_line() == "no pods"


@pytest.mark.everywhere
def test_the_classic_manifest_runs_and_serves(classic: Service) -> None:
    shown = classic.pods()[CLASSIC_POD]
    assert "Welcome to nginx!" in classic.page(f"http://{shown['status']['podIP']}/")
    assert classic.page("http://127.0.0.1:10255/healthz") == "ok"
    assert len(json.loads(classic.page("http://127.0.0.1:10255/pods"))["items"]) == 3
    assert CLASSIC_POD in classic.command("get", "pods")
    classic.system.until(lambda: classic.status_line() == "3 pods running", "the status line tells of 3 pods")


def test_the_control_socket_is_for_root_and_its_group(service: Service) -> None:
    mode, owner, group = service.system.run("stat", "--format=%f %U %G", SOCKET).split()
    assert (stat.S_IMODE(int(mode, 16)), owner, group) == (0o660, "root", "hostpod")
    asks = f"curl -sS --unix-socket {SOCKET} http://hostpod/healthz"
    assert service.system.attempt("setpriv", "--reuid=65534", "--clear-groups", "sh", "-c", asks).code != 0
    member = ("setpriv", "--reuid=65534", "--regid=hostpod", "--clear-groups", "sh", "-c", asks)
    assert service.system.run(*member) == "ok"


def test_pods_are_seen_by_name_in_the_tree_of_control_groups(classic: Service) -> None:
    tree = classic.system.run("systemd-cgls", "--no-pager", "--full", "--unit", "hostpod.slice")
    uid = classic.pods()[CLASSIC_POD]["metadata"]["uid"].replace("-", "_")
    assert f"hostpod-besteffort-pod{uid}.slice" in tree
    assert "nginx: master process" in tree
    named = classic.system.run("systemctl", "list-units", "--type=slice", "--full", "--no-legend", "--plain")
    assert "nginx-lab" in named


def test_the_monitors_are_no_part_of_the_service(classic: Service) -> None:
    own = classic.system.shell("cat /sys/fs/cgroup/system.slice/hostpod.service/cgroup.procs").split()
    monitors = classic.monitors()
    assert len(monitors) >= 4
    assert not set(map(str, monitors)) & set(own)


def _counts_without_a_gap(service: Service) -> None:
    lines = service.command("logs", "counting-lab").split()
    assert lines == [str(number) for number in range(len(lines))]


@pytest.mark.everywhere
def test_restart_touches_no_container(classic: Service) -> None:
    before, monitors, daemon = classic.identity(), classic.monitors(), classic.main_pid()
    classic.system.run("systemctl", "restart", "hostpod")
    assert classic.main_pid() != daemon
    assert (classic.identity(), classic.monitors()) == (before, monitors)
    _counts_without_a_gap(classic)


def test_kill_9_is_healed_and_touches_no_container(classic: Service) -> None:
    before, monitors, daemon = classic.identity(), classic.monitors(), classic.main_pid()
    classic.system.run("kill", "-9", str(daemon))
    classic.system.until(lambda: classic.main_pid() not in (0, daemon), "a new daemon")
    classic.wait_ready()
    assert (classic.identity(), classic.monitors()) == (before, monitors)
    _counts_without_a_gap(classic)


def test_a_daemon_that_hangs_is_killed_by_the_watchdog_and_started_again(classic: Service) -> None:
    drop_in = f"[Service]\nWatchdogSec={3 * classic.system.slowness:g}s\n"
    classic.system.write("/run/systemd/system/hostpod.service.d/quick.conf", drop_in)
    classic.system.shell("systemctl daemon-reload; systemctl restart hostpod")
    before, monitors, daemon = classic.identity(), classic.monitors(), classic.main_pid()
    classic.system.run("kill", "-STOP", str(daemon))
    classic.system.until(lambda: classic.main_pid() not in (0, daemon), "a new daemon", within_s=30)
    classic.wait_ready()
    assert (classic.identity(), classic.monitors()) == (before, monitors)
    assert "watchdog" in classic.system.journal("-u", "hostpod", "_PID=1", "-n", "20").lower()
    classic.system.shell(
        "rm -r /run/systemd/system/hostpod.service.d; systemctl daemon-reload; systemctl restart hostpod"
    )


def test_stop_leaves_pods_running_and_a_connection_starts_it_again(classic: Service) -> None:
    before = classic.identity()
    processes = {pid for each in before.values() for pid in each["processes"].values()}
    classic.system.run("systemctl", "stop", "hostpod.service")
    assert classic.state() == "inactive"
    for pid in processes:
        assert classic.system.exists(f"/proc/{pid}/status")
    address = before[CLASSIC_POD]["address"]
    assert "Welcome to nginx!" in classic.page(f"http://{address}/")
    assert len(json.loads(classic.page("http://127.0.0.1:10255/pods"))["items"]) == 3, "the socket starts the daemon"
    assert classic.state() == "active"
    assert classic.identity() == before


@pytest.mark.everywhere
def test_a_reload_takes_what_can_change_and_names_what_cannot(classic: Service) -> None:
    kept = classic.system.read(SETTINGS)
    before, daemon, since = classic.identity(), classic.main_pid(), classic.since()
    classic.configure(logLevel="debug", network={"subnet": "10.99.0.0/16"})
    classic.system.run("systemctl", "reload", "hostpod")
    classic.system.until(lambda: classic.says("needs a restart: network.subnet", since), "what needs a restart")
    assert classic.says("logLevel", since)
    classic.system.write(SETTINGS, "logLevel: [\n")
    classic.system.run("systemctl", "reload", "hostpod")
    classic.system.until(lambda: classic.says("hostpod.yaml", since), "what is wrong with the file")
    classic.system.write(SETTINGS, kept)
    classic.system.run("systemctl", "reload", "hostpod")
    classic.system.until(lambda: classic.state() == "active", "active again")
    assert (classic.main_pid(), classic.identity()) == (daemon, before)


def test_a_setting_that_is_wrong_keeps_the_service_from_starting_and_says_so(classic: Service) -> None:
    kept, before, since = classic.system.read(SETTINGS), classic.identity(), classic.since()
    classic.system.write(SETTINGS, "maxPodz: 3\n")
    assert classic.system.attempt("systemctl", "restart", "hostpod").code != 0
    assert classic.says("maxPodz", since)
    shown = classic.system.unit("hostpod", "ActiveState", "NRestarts", "ExecMainStatus")
    assert shown == {"ActiveState": "failed", "NRestarts": "0", "ExecMainStatus": "78"}, (
        "another try would be no better"
    )
    asked = classic.system.attempt("hostpod", "get", "pods")
    assert asked.code != 0, "who asks has an answer, and does not wait"
    classic.system.write(SETTINGS, kept)
    assert classic.identity() == before, "who asks starts it"
    assert classic.state() == "active"


@contextmanager
def _drop_in(service: Service, unit: str, text: str) -> Iterator[None]:
    directory = f"/run/systemd/system/{unit}.d"
    service.system.write(f"{directory}/test.conf", text)
    service.system.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        service.system.shell(f"rm -r {directory}; systemctl daemon-reload")


def test_what_the_host_refuses_is_tried_until_it_allows_it(classic: Service) -> None:
    before = classic.identity()
    with _drop_in(classic, "hostpod.service", "[Service]\nRestartSec=100ms\n"):
        classic.system.shell("ip link add elsewhere type bridge; ip address add 10.85.200.1/24 dev elsewhere")
        assert classic.system.attempt("systemctl", "restart", "hostpod").code != 0
        asked = classic.system.attempt("hostpod", "get", "pods")
        assert asked.code != 0, "who asks meanwhile is told so, and does not wait"
        often = 12  # more than systemd allows by default, and than hostpod's unit once did
        classic.system.until(
            lambda: int(classic.system.unit("hostpod", "NRestarts")["NRestarts"]) >= often, "many tries", within_s=60
        )
        classic.system.run("ip", "link", "delete", "elsewhere")
        classic.wait_ready()
    assert classic.identity() == before
    assert classic.system.attempt("systemctl", "--failed", "--quiet", "--no-legend").out == ""


def test_a_read_only_port_that_is_taken_costs_nothing_else(classic: Service) -> None:
    system, before = classic.system, classic.identity()
    system.run("systemctl", "stop", "hostpod.service", "hostpod.socket", "hostpod-readonly.socket")
    held = "import socket, time; held = socket.create_server(('127.0.0.1', 10255)); time.sleep(3600)"
    system.run("systemd-run", "--quiet", "--unit=squatter", "python3", "-c", held)
    system.until(lambda: "10255" in system.run("ss", "-ltnH"), "the port is taken")
    since = classic.since()
    system.run("systemctl", "start", "hostpod.service")
    assert system.run("systemctl", "is-active", "hostpod.socket").strip() == "active", "a start brings it back"
    assert classic.identity() == before
    system.until(lambda: classic.says("the read-only port is not served", since), "the warning")
    system.shell("systemctl stop squatter; systemctl reset-failed hostpod-readonly.socket; systemctl restart hostpod")
    assert classic.page("http://127.0.0.1:10255/healthz") == "ok"
    assert system.run("systemctl", "is-active", "hostpod-readonly.socket").strip() == "active", "and this one as well"


def test_a_port_that_is_turned_off_answers_nobody_and_can_be_closed(classic: Service) -> None:
    system, kept, before, since = classic.system, classic.system.read(SETTINGS), classic.identity(), classic.since()
    ask = ("curl", "-sS", "--max-time", "30", "http://127.0.0.1:10255/pods")
    classic.configure(http={"readOnlyPort": 0})
    system.run("systemctl", "restart", "hostpod")
    sent_away = system.attempt(*ask)
    assert (sent_away.code, sent_away.out) in ((52, ""), (56, "")), "an end without an answer"
    assert classic.says("systemctl mask --now hostpod-readonly.socket", since)
    system.shell("systemctl mask --now hostpod-readonly.socket && systemctl restart hostpod")
    assert system.attempt(*ask).code == 7, "nobody listens"
    classic.configure(http={"readOnlyPort": 10256})
    system.run("systemctl", "restart", "hostpod")
    assert classic.page("http://127.0.0.1:10256/healthz") == "ok", "the port is the settings' own"
    system.run("systemctl", "unmask", "hostpod-readonly.socket")
    system.write(SETTINGS, kept)
    system.run("systemctl", "restart", "hostpod")
    assert classic.page("http://127.0.0.1:10255/healthz") == "ok"
    assert classic.identity() == before


def test_a_shutdown_stops_no_slice_before_pods_have_ended(classic: Service) -> None:
    slices = classic.system.run("systemctl", "list-units", "--type=slice", "--no-legend", "--plain", "hostpod*").split(
        "\n"
    )
    names = [line.split()[0] for line in slices if line]
    assert "hostpod.slice" in names
    assert len(names) >= 5
    for name in names:
        assert "shutdown.target" not in classic.system.unit(name, "Conflicts").get("Conflicts", "")


def test_it_tells_of_pods_that_back_off(classic: Service) -> None:
    classic.drop("failing.yaml", pod("failing", "exit 3"))
    classic.system.until(lambda: classic.status_line() == "3 pods running, 1 backing off", "the status line tells")
    shown = classic.system.run("systemctl", "status", "--no-pager", "hostpod")
    assert "3 pods running, 1 backing off" in shown
    classic.remove("failing.yaml")
    classic.system.until(lambda: classic.status_line() == "3 pods running", "and tells no more")


def test_systemctl_kills_a_container_by_its_scope(classic: Service) -> None:
    shown = classic.pods()["quiet-lab"]
    cid = statuses(shown)["c0"]["containerID"].rpartition("/")[2]
    classic.system.run("systemctl", "kill", "--signal=KILL", f"hostpod-{cid}.scope")
    classic.wait_for(
        lambda pods: (
            statuses(pods["quiet-lab"])["c0"]["restartCount"] == 1
            and "running" in statuses(pods["quiet-lab"])["c0"]["state"]
        ),
        "the container again",
    )


def test_a_local_image_is_loaded(classic: Service) -> None:
    target = "docker-archive:/var/tmp/own.tar:localhost/own:1"
    classic.system.run("skopeo", "--insecure-policy", "copy", "--quiet", "oci:/srv/busybox:latest", target)
    classic.command("image", "load", "/var/tmp/own.tar")
    own = pod("own", FOREVER)
    own["spec"]["containers"][0] |= {"image": "localhost/own:1", "imagePullPolicy": "Never"}
    classic.drop("own.yaml", own)
    classic.wait_running("own-lab")
    classic.remove("own.yaml")
