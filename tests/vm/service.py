"""hostpod as the service of a system: what an operator does with it and sees of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from lab.place import REPOSITORY
from lab.system import System
from tests.integration.harness import statuses

MANIFESTS = "/etc/hostpod/manifests"
SETTINGS = "/etc/hostpod/hostpod.yaml"
SOCKET = "/run/hostpod/hostpod.sock"
CLASSIC = (REPOSITORY / "examples/nginx.yaml").read_text()
CLASSIC_POD = "nginx-lab"
# Its second container does not hear SIGTERM: whoever waits for its end waits for the whole grace period.
QUICK_CLASSIC = CLASSIC.replace("spec:\n", "spec:\n  terminationGracePeriodSeconds: 1\n", 1)

Pods = Mapping[str, Mapping[str, Any]]


class Service:
    """A system with hostpod on it."""

    def __init__(self, system: System) -> None:
        self.system = system

    def wait_ready(self) -> None:
        """Until systemd has heard READY=1."""
        self.system.until(lambda: self.state() == "active", "hostpod.service active", within_s=30)

    def state(self) -> str:
        return self.system.unit("hostpod", "ActiveState")["ActiveState"]

    def main_pid(self) -> int:
        return int(self.system.unit("hostpod", "MainPID")["MainPID"])

    def status_line(self) -> str:
        """What the daemon tells systemd of itself."""
        return self.system.unit("hostpod", "StatusText").get("StatusText", "")

    def drop(self, name: str, manifest: str | Mapping[str, Any]) -> None:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        self.system.write(f"{MANIFESTS}/{name}", text)

    def remove(self, *names: str) -> None:
        self.system.run("rm", *(f"{MANIFESTS}/{name}" for name in names))

    def clear(self, *, within_s: float = 60) -> None:
        """Remove every manifest and wait until no pod is left."""
        self.system.shell(f"rm -f {MANIFESTS}/*")
        self.system.until(lambda: not self.pods(), "every pod gone", within_s=within_s)

    def get(self, url: str) -> str:
        """What is answered on the control socket."""
        return self.system.run("curl", "-sS", "--fail", "--unix-socket", SOCKET, f"http://hostpod{url}")

    def pods(self) -> Pods:
        return {pod["metadata"]["name"]: pod for pod in json.loads(self.get("/pods"))["items"]}

    def wait_for(self, holds: Callable[[Pods], object], what: str, *, within_s: float = 30) -> Pods:
        """The pods as soon as this holds."""

        def attempt() -> tuple[Pods] | None:
            pods = self.pods()
            return (pods,) if holds(pods) else None

        found = self.system.until(attempt, what, within_s=within_s)
        assert found is not None
        return found[0]

    def wait_running(self, *names: str, within_s: float = 30) -> Pods:
        """Until every container of these pods runs."""

        def holds(pods: Pods) -> bool:
            return all(name in pods and _all_run(pods[name]) for name in names)

        return self.wait_for(holds, f"{', '.join(names)} running", within_s=within_s)

    def identity(self) -> dict[str, Any]:
        """What no restart of the daemon may change of any pod: ids, address, count of restarts, and every process."""
        return {name: self._identity(pod) for name, pod in self.pods().items()}

    def _identity(self, pod: Mapping[str, Any]) -> dict[str, Any]:
        containers = {name: (each["containerID"], each["restartCount"]) for name, each in statuses(pod).items()}
        status = pod["status"]
        return {
            "uid": pod["metadata"]["uid"],
            "address": status["podIP"],
            "started": status["startTime"],
            "containers": containers,
            "processes": self.first_processes(pod),
        }

    def first_processes(self, pod: Mapping[str, Any]) -> dict[str, int]:
        """The first process of each container, as the system numbers it."""
        found = {}
        for name, each in statuses(pod).items():
            pids = self.system.shell(f"cat {self.cgroup(pod, name)}/cgroup.procs").split()
            found[name] = min(map(int, pids))
            assert each["state"].keys() == {"running"}
        return found

    def cgroup(self, pod: Mapping[str, Any], container: str) -> str:
        """The directory of a container's control group."""
        cid = statuses(pod)[container]["containerID"].rpartition("/")[2]
        found = self.system.shell(f"find /sys/fs/cgroup -type d -name '*{cid}*' -not -name '*conmon*'").split()
        assert len(found) == 1, found
        return found[0]

    def monitors(self) -> list[int]:
        """The processes of conmon."""
        return [int(pid) for pid in self.system.attempt("pgrep", "-x", "conmon").out.split()]

    def command(self, *arguments: str) -> str:
        """What the hostpod command prints."""
        return self.system.run("hostpod", *arguments)

    def configure(self, **settings: Any) -> None:
        """Set keys of the settings file at its top, in JSON, which is YAML as well."""
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in settings.items()]
        self.system.write(SETTINGS, "".join(lines))

    def page(self, url: str) -> str:
        """A page as curl in the system sees it, asked for again while nobody listens."""
        return self.system.run(
            "curl", "-sS", "--fail", "--retry", "20", "--retry-connrefused", "--retry-delay", "0", url
        )

    def since(self) -> str:
        """A cursor of the journal: what comes after it is new."""
        shown = self.system.journal("-n", "1", "--show-cursor")
        found = re.search(r"-- cursor: (.*)", shown)
        assert found is not None, shown
        return f"--after-cursor={found[1]}"

    def says(self, text: str, since: str) -> bool:
        """Whether the service has written a line with this text."""
        return text in self.system.journal("-u", "hostpod", since)


def pod(name: str, *commands: str, grace_s: int = 1, **spec: Any) -> dict[str, Any]:
    """A pod with a container of busybox a shell command, named c0, c1, …"""
    containers = [
        {"name": f"c{number}", "image": "busybox", "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", command]}
        for number, command in enumerate(commands)
    ]
    spec = {"containers": containers, "terminationGracePeriodSeconds": grace_s, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _all_run(pod: Mapping[str, Any]) -> bool:
    shown = statuses(pod)
    return len(shown) == len(pod["spec"]["containers"]) and all("running" in each["state"] for each in shown.values())
