"""Which test shows what Kubernetes' own suite of node conformance asks of a pod's life, and inside its containers.

A title is a line of that list without the marks in brackets, behind its area where that is not `sig-node`. Lines about
what hostpod has none of yet have a kind instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Kind = Literal["HTTP", "API objects", "Services", "RuntimeClass"]

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

_INSIDE = "test_inside.py::"
_ENVIRONMENT = "test_environment.py::"
_SECURITY = "test_security_context.py::"
_TOLD = (f"{_ENVIRONMENT}test_what_the_pod_is_told_of_itself",)
_OBJECTS = (f"{_ENVIRONMENT}test_config_maps_and_secrets",)
_EXPANDED = (f"{_INSIDE}test_variables_expand_in_variables_and_arguments",)
_VOLUMES = "test_conformance_volumes.py::"
_FILES = (f"{_VOLUMES}test_files_of_an_object",)
_MODES = (f"{_VOLUMES}test_an_object_of_its_own_mode",)
_UPDATES = (f"{_VOLUMES}test_updates_of_optional_objects",)
_ITSELF = (f"{_VOLUMES}test_the_pod_itself",)
_LABELS = (f"{_VOLUMES}test_labels_and_annotations_as_they_change",)
_EMPTY_DIRS = (f"{_VOLUMES}test_empty_dirs_of_any_mode",)
_GRANULAR = "sig-network Networking Granular Checks: Pods should function for"
_MOUNTED = "should be consumable from pods in volume"

_OF_CONFIG_MAPS = {
    _MOUNTED: _FILES,
    f"{_MOUNTED} as non-root": _FILES,
    f"{_MOUNTED} with defaultMode set": _MODES,
    f"{_MOUNTED} with mappings": _FILES,
    f"{_MOUNTED} with mappings and Item mode set": _FILES,
    f"{_MOUNTED} with mappings as non-root": _FILES,
    "should be consumable in multiple volumes in the same pod": _FILES,
    "optional updates should be reflected in volume": _UPDATES,
    "updates should be reflected in volume": _UPDATES,
}
_OF_SECRETS = {
    _MOUNTED: _FILES,
    f"{_MOUNTED} as non-root with defaultMode and fsGroup set": _FILES,
    f"{_MOUNTED} with defaultMode set": _MODES,
    f"{_MOUNTED} with mappings": _FILES,
    f"{_MOUNTED} with mappings and Item Mode set": _FILES,
    "should be consumable in multiple volumes in a pod": _FILES,
    "optional updates should be reflected in volume": _UPDATES,
}
_OF_THE_POD = {
    **{
        f"should provide container's {resource} {kind}": _ITSELF
        for resource in ("cpu", "memory")
        for kind in ("limit", "request")
    },
    **{
        f"should provide node allocatable ({resource}) as default {resource} limit if the limit is not set": _ITSELF
        for resource in ("cpu", "memory")
    },
    "should provide podname only": _ITSELF,
    "should set DefaultMode on files": _ITSELF,
    "should set mode on item file": _ITSELF,
    "should update annotations on modification": _LABELS,
    "should update labels on modification": _LABELS,
}

INSIDE: Mapping[str, tuple[str, ...]] = {
    "ConfigMap should be consumable via environment variable": _OBJECTS,
    "ConfigMap should be consumable via the environment": _OBJECTS,
    "Secrets should be consumable from pods in env vars": _OBJECTS,
    "Secrets should be consumable via the environment": _OBJECTS,
    "Downward API should provide container's limits.cpu/memory and requests.cpu/memory as env vars": _TOLD,
    "Downward API should provide default limits.cpu/memory from node allocatable": _TOLD,
    "Downward API should provide host IP as an env var": _TOLD,
    "Downward API should provide hostIPs as an env var": _TOLD,
    "Downward API should provide pod UID as env vars": _TOLD,
    "Downward API should provide pod name, namespace and IP address as env vars": _TOLD,
    "Variable Expansion should allow composing env vars into new env vars": _EXPANDED,
    "Variable Expansion should allow substituting values in a container's args": _EXPANDED,
    "Variable Expansion should allow substituting values in a container's command": _EXPANDED,
    "Kubelet when scheduling a read only busybox container should not write to root filesystem": (
        f"{_SECURITY}test_a_restricted_container",
    ),
    "Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts": (
        "test_names.py::test_aliases_of_the_pod",
    ),
    "KubeletManagedEtcHosts should test kubelet managed /etc/hosts file": (
        f"{_INSIDE}test_the_files_of_the_pod",
        "test_names.py::test_aliases_on_the_host_s_network",
        "test_volumes.py::test_a_volume_in_the_place_of_a_pod_file_wins_and_parents_come_first",
    ),
    "Security Context When creating a container with runAsUser should run the container with uid 65534": (
        f"{_SECURITY}test_user_and_groups",
    ),
    "Security Context When creating a pod with privileged should run the container as unprivileged when false": (
        f"{_SECURITY}test_who_is_privileged",
        f"{_INSIDE}test_rights_of_a_container",
    ),
    "Security Context When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs "
    "when readOnlyRootFilesystem=false": (f"{_INSIDE}test_what_is_hidden_and_what_is_read_only",),
    "Security Context when creating containers with AllowPrivilegeEscalation should not allow privilege escalation "
    "when false": (f"{_SECURITY}test_a_restricted_container",),
    "Sysctls should reject invalid sysctls": (f"{_SECURITY}test_kernel_parameters_of_the_pod",),
    "Sysctls should support sysctls": (f"{_SECURITY}test_kernel_parameters_of_the_pod",),
    **{
        f"sig-storage {form} {what}": cases
        for form in ("ConfigMap", "Projected configMap")
        for what, cases in _OF_CONFIG_MAPS.items()
    },
    "sig-storage ConfigMap binary data should be reflected in volume": _FILES,
    **{
        f"sig-storage {form} {what}": cases
        for form in ("Secrets", "Projected secret")
        for what, cases in _OF_SECRETS.items()
    },
    "sig-storage Secrets should be able to mount in a volume regardless of a different secret existing with same name "
    "in different namespace": _FILES,
    **{
        f"sig-storage {form} {what}": cases
        for form in ("Downward API volume", "Projected downwardAPI")
        for what, cases in _OF_THE_POD.items()
    },
    **{
        f"sig-storage EmptyDir volumes should support ({user},{mode},{medium})": _EMPTY_DIRS
        for user in ("root", "non-root")
        for mode in ("0644", "0666", "0777")
        for medium in ("default", "tmpfs")
    },
    "sig-storage EmptyDir volumes volume on default medium should have the correct mode": _EMPTY_DIRS,
    "sig-storage EmptyDir volumes volume on tmpfs should have the correct mode": _EMPTY_DIRS,
    "sig-storage Projected combined should project all components that make up the projection API": (
        "test_config_volumes.py::test_several_in_one",
    ),
    **{
        f"{_GRANULAR} {way}-pod communication: {protocol}": ("test_conformance.py::test_pods_and_node_reach_a_pod",)
        for way in ("intra", "node")
        for protocol in ("http", "udp")
    },
}

# How titles begin that are about something else.
KINDS: Mapping[str, Kind] = {
    "ConfigMap should update ConfigMap": "API objects",
    "Ephemeral Containers": "API objects",
    "Pods should contain environment variables for services": "Services",
    "Pods should support": "HTTP",
    "RuntimeClass": "RuntimeClass",
}
