"""Which test shows what Kubernetes' own suite of node conformance asks of a pod's life.

A title is a line of that list without the marks in brackets. Lines about anything else have a kind instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Kind = Literal["network", "environment", "volumes", "files of a pod", "security", "HTTP", "API objects", "RuntimeClass"]

_HOOK = "Container Lifecycle Hook when create a pod with lifecycle hook should execute"
_ENDED = "Container Runtime blackbox test on terminated container should report termination message"
_FALLBACK = "TerminationMessagePolicy FallbackToLogsOnError is set"
_COMMAND = ("test_inside.py::test_command_and_arguments_replace_those_of_the_image",)
_ANSWERS = ("test_probes.py::test_a_container_that_answers_is_ready_and_never_restarted",)
_GRPC = ("test_conformance.py::test_grpc_as_a_liveness_probe",)

# Tests below tests/integration, by the title of the line.
LIFE: Mapping[str, tuple[str, ...]] = {
    f"{_HOOK} poststart exec hook properly": ("test_hooks.py::TestPostStart::test_exec",),
    f"{_HOOK} poststart http hook properly": ("test_hooks.py::TestPostStart::test_http",),
    f"{_HOOK} prestop exec hook properly": ("test_hooks.py::TestPreStop::test_exec_comes_before_the_signal",),
    f"{_HOOK} prestop http hook properly": ("test_hooks.py::TestPreStop::test_http",),
    f"{_ENDED} as empty when pod succeeds and {_FALLBACK}": (
        "test_ends.py::TestTerminationMessage::test_empty_where_the_pod_succeeds_and_wrote_no_file",
    ),
    f"{_ENDED} from file when pod succeeds and {_FALLBACK}": (
        "test_ends.py::TestTerminationMessage::test_from_the_file_where_the_policy_falls_back_and_the_pod_succeeds",
    ),
    f"{_ENDED} from log output if {_FALLBACK}": (
        "test_ends.py::TestTerminationMessage::test_from_the_log_where_the_policy_falls_back_and_the_pod_fails",
    ),
    f"{_ENDED} if TerminationMessagePath is set as non-root user and at a non-default path": (
        "test_ends.py::TestTerminationMessage::test_at_a_path_of_its_own_by_another_user",
    ),
    "Container Runtime blackbox test when starting a container that exits should run with the expected status": (
        "test_lifecycle.py::test_always_restarts_whatever_the_exit_code",
        "test_lifecycle.py::test_on_failure_restarts_only_what_failed",
        "test_lifecycle.py::test_never_restarted_a_pod_fails_when_one_does",
    ),
    "Containers should be able to override the image's default arguments (container cmd)": _COMMAND,
    "Containers should be able to override the image's default command (container entrypoint)": _COMMAND,
    "Containers should be able to override the image's default command and arguments": _COMMAND,
    "Containers should use the image defaults if command and args are blank": _COMMAND,
    "InitContainer should invoke init containers on a RestartAlways pod": (
        "test_init_containers.py::test_they_run_one_after_another_and_then_the_containers",
    ),
    "InitContainer should invoke init containers on a RestartNever pod": (
        "test_init_containers.py::test_a_pod_that_is_never_restarted_runs_them_once",
    ),
    "InitContainer should not start app containers and fail the pod if init containers fail on a RestartNever pod": (
        "test_init_containers.py::test_one_that_fails_for_good_fails_the_pod",
    ),
    "InitContainer should not start app containers if init containers fail on a RestartAlways pod": (
        "test_init_containers.py::test_one_that_fails_is_tried_again_and_nothing_else_begins",
    ),
    "Kubelet when scheduling a busybox command in a pod should print the output to logs": (
        "test_cli.py::test_logs_are_whole_lines",
    ),
    "Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete": (
        "test_conformance.py::test_a_pod_that_always_fails_can_be_removed",
    ),
    "Kubelet when scheduling a busybox command that always fails in a pod should have an terminated reason": (
        "test_lifecycle.py::test_never_restarted_a_pod_fails_when_one_does",
    ),
    "Pods should allow activeDeadlineSeconds to be updated": (
        "test_change.py::test_active_deadline_seconds_can_be_updated",
    ),
    "Pods should be submitted and removed": (
        "test_classic_pod.py::test_the_classic_manifest_runs_serves_and_goes",
        "test_http.py::test_a_watch_tells_a_pods_whole_life",
    ),
    "Pods should be updated": ("test_change.py::test_labels_and_annotations_change_in_place",),
    "Pods should get a host IP": ("test_conformance.py::test_a_pod_knows_the_address_of_its_host",),
    "Probing container should *not* be restarted with a /healthz http liveness probe": _ANSWERS,
    "Probing container should *not* be restarted with a GRPC liveness probe": _GRPC,
    'Probing container should *not* be restarted with a exec "cat /tmp/health" liveness probe': _ANSWERS,
    "Probing container should *not* be restarted with a tcp:8080 liveness probe": _ANSWERS,
    "Probing container should be restarted with a /healthz http liveness probe": (
        "test_probes.py::test_a_failing_http_probe_tells_the_status",
    ),
    "Probing container should be restarted with a GRPC liveness probe": _GRPC,
    'Probing container should be restarted with a exec "cat /tmp/health" liveness probe': (
        "test_probes.py::test_a_failing_liveness_probe_restarts_the_container",
    ),
    "Probing container should have monotonically increasing restart count": (
        "test_conformance.py::test_the_restart_count_only_grows",
    ),
    "Probing container with readiness probe should not be ready before initial delay and never restart": (
        "test_conformance.py::test_nothing_is_ready_before_the_initial_delay",
    ),
    "Probing container with readiness probe that fails should never be ready and never restart": (
        "test_probes.py::test_a_failing_readiness_probe_takes_readiness_and_nothing_else",
    ),
}

AREAS: Mapping[str, Kind] = {"sig-network": "network", "sig-storage": "volumes"}

# How titles of sig-node begin that are about something else.
KINDS: Mapping[str, Kind] = {
    "ConfigMap should be consumable": "environment",
    "ConfigMap should update ConfigMap": "API objects",
    "Downward API": "environment",
    "Ephemeral Containers": "API objects",
    "Kubelet when scheduling a read only busybox container": "security",
    "Kubelet when scheduling an agnhost Pod with hostAliases": "files of a pod",
    "KubeletManagedEtcHosts": "files of a pod",
    "Pods should contain environment variables": "environment",
    "Pods should support": "HTTP",
    "RuntimeClass": "RuntimeClass",
    "Secrets": "environment",
    "Security Context": "security",
    "Sysctls": "security",
    "Variable Expansion": "environment",
}
