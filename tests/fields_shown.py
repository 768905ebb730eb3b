"""Which test shows each field that works: by looking from inside the container, or at what the kernel or people see.

A field is one of a kind of object, by the names of hostpod/kube: `Container.image` counts for init containers too. Of
an object that has fields of its own, those are shown; and the object itself where others hold such a one as well.
Tests are files below tests/ with the name of the test. tests/unit/manifest/test_fields_shown.py holds the table.
"""

from __future__ import annotations

from collections.abc import Mapping

_FIELDS = ("integration/test_fields.py::test_one_pod_with_all_of_them",)
_ENVIRONMENT = "integration/test_environment.py::"
_PULL_SECRETS = ("integration/test_image_pull_secrets.py::test_a_private_image_is_for_pods_with_its_secret",)
_HOST_PORTS = ("integration/test_host_ports.py::test_a_pods_host_ports_are_there_with_the_pod_and_go_with_it",)
_CONFIGS = (f"{_ENVIRONMENT}test_config_maps_and_secrets",)
_TOLD = (f"{_ENVIRONMENT}test_what_the_pod_is_told_of_itself",)
_FILE = (f"{_ENVIRONMENT}test_a_file_that_an_init_container_wrote",)
_VOLUMES = "integration/test_config_volumes.py::"
_KEYS = (f"{_VOLUMES}test_keys_are_files",)
_SEVERAL = (f"{_VOLUMES}test_several_in_one",)
_CURRENT = (f"{_VOLUMES}test_labels_and_annotations_are_kept_current",)
_OBJECTS = ("unit/manifest/test_configs.py::test_they_stand_beside_pods_and_in_lists",)
_DEFAULTS = ("integration/test_manifests.py::test_a_pod_is_shown_with_its_defaults",)
_REFUSED = ("integration/test_manifests.py::test_what_is_not_supported_is_refused_by_name",)
_INSIDE = "integration/test_inside.py::"
_COMMAND = (f"{_INSIDE}test_command_and_arguments_replace_those_of_the_image",)
_LIMITS = (f"{_INSIDE}test_limits_are_those_of_the_resources",)
_NAMES = "integration/test_names.py::"
_ALIASES = (f"{_NAMES}test_aliases_of_the_pod",)
_SUBDOMAIN = (f"{_NAMES}test_a_subdomain",)
_RESOLVERS = (f"{_NAMES}test_name_servers_of_its_own",)
_SECURITY = "integration/test_security_context.py::"
_USERS = (f"{_SECURITY}test_user_and_groups",)
_NOBODY = (f"{_SECURITY}test_nobody_is_root_where_none_may_be",)
_RESTRICTED = (f"{_SECURITY}test_a_restricted_container",)
_CAPABILITIES = (f"{_SECURITY}test_capabilities_are_added_and_dropped",)
_FILTERED = (f"{_SECURITY}test_system_calls_are_filtered_unless_the_pod_says_otherwise",)
_FILTER = (f"{_SECURITY}test_a_filter_of_this_host",)
_SYSCTLS = (f"{_SECURITY}test_kernel_parameters_of_the_pod",)
_POD_VOLUMES = "integration/test_pod_volumes.py::"
_HOST_PATHS = (f"{_POD_VOLUMES}test_host_paths", f"{_POD_VOLUMES}test_a_host_path_of_another_kind_is_waited_for")
_SUB_PATH = (f"{_POD_VOLUMES}test_a_sub_path_is_what_is_seen",)
_ANSWERS = ("integration/test_probes.py::test_a_container_that_answers_is_ready_and_never_restarted",)
_STARTUP = ("integration/test_probes.py::test_a_startup_probe_holds_the_others_back",)
_READINESS = ("integration/test_probes.py::test_a_failing_readiness_probe_takes_readiness_and_nothing_else",)
_LIVENESS = ("integration/test_probes.py::test_a_failing_liveness_probe_restarts_the_container",)
_HEADERS = ("integration/test_probe_kinds.py::test_the_headers_of_an_http_probe",)
_MESSAGE = "integration/test_ends.py::TestTerminationMessage::"
_BOTH_WAYS = "integration/test_volumes.py::"
_PRESSURE = "integration/test_pressure.py::"
_HOOKS = "integration/test_hooks.py::"
_RULES = ("integration/test_ends.py::TestRules::test_a_rule_restarts_what_the_policy_would_not",)
_RESIZED = ("integration/test_change.py::test_a_container_may_want_to_be_restarted_for_it",)
_SHARING = "integration/test_sharing.py::"
_CLAIMS = "integration/test_claims.py::"
_CLAIM = (f"{_CLAIMS}test_a_claim_is_shared_outlives_its_pods_and_is_listed",)
_CLAIM_DOCUMENTS = "unit/manifest/test_claims.py::"
_NFS = (f"{_BOTH_WAYS}test_nfs_is_mounted_once_and_nothing_on_the_server_goes_with_the_pod",)
_APPARMOR = (
    "unit/oci/test_labels.py::test_profiles",
    "integration/test_confinement.py::test_profiles_that_the_host_has_not_are_refused",
)
_SELINUX = (
    "unit/oci/test_labels.py::test_labels",
    "integration/test_confinement.py::test_labels_that_the_host_has_not_are_refused",
)
_TOKENS = ("integration/test_tokens.py::test_a_stranger_believes_the_token_and_only_its_user_reads_it",)

SHOWN: Mapping[str, tuple[str, ...]] = {
    # What an object is, and how it is called
    "Pod.apiVersion": ("integration/test_manifests.py::test_several_pods_in_a_file",),
    "Pod.kind": ("integration/test_manifests.py::test_several_pods_in_a_file",),
    "Pod.metadata": _DEFAULTS,
    "ObjectMeta.name": _TOLD,
    "ObjectMeta.namespace": _TOLD,
    "ObjectMeta.uid": ("unit/manifest/test_static_pod.py::test_a_uid_of_its_own_stays", *_TOLD),
    "ObjectMeta.labels": _CURRENT,
    "ObjectMeta.annotations": _TOLD,
    "ConfigMap.apiVersion": _OBJECTS,
    "ConfigMap.kind": _OBJECTS,
    "ConfigMap.metadata": _CONFIGS,
    "ConfigMap.immutable": _FIELDS,
    "ConfigMap.data": _CONFIGS,
    "ConfigMap.binaryData": _FIELDS,
    "Secret.apiVersion": _OBJECTS,
    "Secret.kind": _OBJECTS,
    "Secret.metadata": _CONFIGS,
    "Secret.immutable": _FIELDS,
    "Secret.data": _FIELDS,
    "Secret.stringData": _CONFIGS,
    "Secret.type": ("unit/manifest/test_configs.py::test_types_that_hold_what_they_need",),
    # The pod
    "PodSpec.initContainers": (
        "integration/test_init_containers.py::test_they_run_one_after_another_and_then_the_containers",
    ),
    "PodSpec.activeDeadlineSeconds": (
        "integration/test_ends.py::TestDeadline::test_a_pod_that_is_active_for_too_long_fails_and_stays_so",
    ),
    "PodSpec.containers": _COMMAND,
    "PodSpec.restartPolicy": (
        "integration/test_lifecycle.py::test_always_restarts_whatever_the_exit_code",
        "integration/test_lifecycle.py::test_on_failure_restarts_only_what_failed",
        "integration/test_lifecycle.py::test_never_restarted_a_pod_fails_when_one_does",
    ),
    "PodSpec.terminationGracePeriodSeconds": (
        "integration/test_stop.py::test_sigkill_ends_what_does_not_when_its_grace_period_is_over",
    ),
    "PodSpec.hostname": (f"{_INSIDE}test_the_files_of_the_pod",),
    "PodSpec.priority": (
        f"{_PRESSURE}test_pods_go_one_by_one_and_come_again",
        "unit/plan/test_eviction.py::test_who_goes_first",
    ),
    "PodSpec.hostNetwork": (f"{_SHARING}test_the_hosts_network",),
    "PodSpec.hostPID": (f"{_SHARING}test_the_hosts_processes",),
    "PodSpec.hostIPC": (f"{_SHARING}test_the_hosts_ipc",),
    "PodSpec.shareProcessNamespace": (f"{_SHARING}test_a_shared_process_namespace",),
    "PodSpec.dnsPolicy": _RESOLVERS,
    "PodSpec.subdomain": _SUBDOMAIN,
    "PodSpec.setHostnameAsFQDN": _SUBDOMAIN,
    "PodSpec.hostnameOverride": (f"{_NAMES}test_another_name_than_the_pod_s",),
    "PodSpec.hostUsers": ("integration/test_user_namespaces.py::test_root_of_the_pod_is_nobody_on_the_host",),
    "PodSpec.serviceAccountName": _TOKENS,
    "PodSpec.serviceAccount": _FIELDS,
    "LocalObjectReference.name": _PULL_SECRETS,
    "HostAlias.ip": _ALIASES,
    "HostAlias.hostnames": _ALIASES,
    "PodDNSConfig.nameservers": _RESOLVERS,
    "PodDNSConfig.searches": _RESOLVERS,
    "PodDNSConfigOption.name": _RESOLVERS,
    "PodDNSConfigOption.value": _RESOLVERS,
    # Its containers
    "Container.name": _COMMAND,
    "Container.image": _COMMAND,
    "Container.imagePullPolicy": (
        "integration/test_images_pull.py::test_an_image_that_is_here_asks_no_registry",
        "integration/test_images_pull.py::test_always_asks_the_registry_and_fetches_what_has_changed",
        "integration/test_images_pull.py::test_always_needs_the_registry",
    ),
    "Container.stdin": (
        "integration/test_attach.py::test_stdin_stays_open_over_attachments_and_restarts_of_the_daemon",
    ),
    "Container.stdinOnce": (
        "integration/test_attach.py::test_stdin_once_ends_with_who_wrote_to_it_and_not_with_who_looked",
    ),
    "Container.tty": ("integration/test_attach.py::test_a_terminal_has_a_size_and_one_stream_and_the_end_is_told",),
    "Container.command": _COMMAND,
    "Container.args": _COMMAND,
    "Container.workingDir": (
        f"{_INSIDE}test_a_working_directory_of_its_own",
        "integration/test_lifecycle.py::test_a_missing_working_directory_is_made_and_no_link_leads_out_of_the_container",
    ),
    "Container.resources": _LIMITS,
    "Container.terminationMessagePath": (f"{_MESSAGE}test_at_a_path_of_its_own_by_another_user",),
    "Container.terminationMessagePolicy": (
        f"{_MESSAGE}test_from_the_log_where_the_policy_falls_back_and_the_pod_fails",
    ),
    "Container.restartPolicy": (
        "integration/test_ends.py::TestRules::test_a_container_has_a_policy_of_its_own",
        "integration/test_init_containers.py::test_a_sidecar_goes_on_beside_the_containers_and_comes_again",
    ),
    "Container.livenessProbe": _LIVENESS,
    "Container.readinessProbe": _READINESS,
    "Container.startupProbe": _STARTUP,
    "ContainerResizePolicy.resourceName": _RESIZED,
    "ContainerResizePolicy.restartPolicy": _RESIZED,
    "ContainerRestartRule.action": _RULES,
    "ContainerRestartRuleOnExitCodes.operator": _RULES,
    "ContainerRestartRuleOnExitCodes.values": _RULES,
    # Hooks and probes
    "Lifecycle.postStart": (f"{_HOOKS}TestPostStart::test_exec",),
    "Lifecycle.preStop": (f"{_HOOKS}TestPreStop::test_exec_comes_before_the_signal",),
    "Lifecycle.stopSignal": (f"{_HOOKS}test_the_stop_signal_of_the_manifest_is_sent",),
    "LifecycleHandler.exec": (f"{_HOOKS}TestPostStart::test_exec",),
    "LifecycleHandler.httpGet": (f"{_HOOKS}TestPostStart::test_http", f"{_HOOKS}TestPreStop::test_http"),
    "SleepAction.seconds": (f"{_HOOKS}TestPreStop::test_sleep",),
    "ExecAction.command": _ANSWERS,
    "HTTPGetAction.path": _HEADERS,
    "HTTPGetAction.port": _ANSWERS,
    "HTTPGetAction.host": _HEADERS,
    "HTTPGetAction.scheme": ("integration/test_probe_kinds.py::test_https_believes_any_certificate",),
    "HTTPHeader.name": _HEADERS,
    "HTTPHeader.value": _HEADERS,
    "TCPSocketAction.port": _ANSWERS,
    "TCPSocketAction.host": ("unit/engine/test_prober.py::test_tcp_to_another_host",),
    "GRPCAction.port": ("integration/test_probe_kinds.py::test_grpc",),
    "GRPCAction.service": ("integration/test_probe_kinds.py::test_grpc",),
    "Probe.exec": _ANSWERS,
    "Probe.httpGet": _ANSWERS,
    "Probe.tcpSocket": _ANSWERS,
    "Probe.initialDelaySeconds": ("integration/test_conformance.py::test_nothing_is_ready_before_the_initial_delay",),
    "Probe.timeoutSeconds": ("integration/test_probes.py::test_a_hung_probe_ends_at_its_time_and_leaves_nothing",),
    "Probe.periodSeconds": _READINESS,
    "Probe.successThreshold": ("unit/plan/test_probing.py::test_thresholds_of_the_manifest",),
    "Probe.failureThreshold": _STARTUP,
    "Probe.terminationGracePeriodSeconds": (
        "unit/plan/test_ending.py::TestUnhealthy::test_the_probes_own_grace_period_counts",
    ),
    # Variables
    "EnvVar.name": _CONFIGS,
    "EnvVar.value": (f"{_INSIDE}test_variables_expand_in_variables_and_arguments",),
    "EnvVarSource.fieldRef": _TOLD,
    "EnvVarSource.resourceFieldRef": _TOLD,
    "ConfigMapKeySelector.name": _CONFIGS,
    "ConfigMapKeySelector.key": _CONFIGS,
    "ConfigMapKeySelector.optional": _FIELDS,
    "SecretKeySelector.name": _CONFIGS,
    "SecretKeySelector.key": _CONFIGS,
    "SecretKeySelector.optional": _CONFIGS,
    "FileKeySelector.volumeName": _FILE,
    "FileKeySelector.path": _FILE,
    "FileKeySelector.key": _FILE,
    "FileKeySelector.optional": ("unit/oci/test_env.py::test_values_from_elsewhere",),
    "ObjectFieldSelector.apiVersion": _FIELDS,
    "ObjectFieldSelector.fieldPath": _TOLD,
    "ResourceFieldSelector.containerName": _SEVERAL,
    "ResourceFieldSelector.resource": _TOLD,
    "ResourceFieldSelector.divisor": _TOLD,
    "EnvFromSource.prefix": _CONFIGS,
    "ConfigMapEnvSource.name": _CONFIGS,
    "ConfigMapEnvSource.optional": _FIELDS,
    "SecretEnvSource.name": _CONFIGS,
    "SecretEnvSource.optional": _FIELDS,
    # Ports and resources
    "ContainerPort.name": _ANSWERS,
    "ContainerPort.containerPort": _ANSWERS,
    "ContainerPort.protocol": _FIELDS,
    "ContainerPort.hostIP": _HOST_PORTS,
    "ContainerPort.hostPort": (
        *_HOST_PORTS,
        f"{_PRESSURE}test_a_port_of_the_host_is_one_pod_s_until_that_is_gone",
    ),
    # No kernel of the tests has these: their labels are looked at in the OCI config, and their refusal at the pod.
    "AppArmorProfile.type": _APPARMOR,
    "AppArmorProfile.localhostProfile": ("unit/oci/test_labels.py::test_profiles",),
    "PodSecurityContext.appArmorProfile": _APPARMOR,
    "SecurityContext.appArmorProfile": _APPARMOR,
    "SELinuxOptions.user": ("unit/oci/test_labels.py::test_labels",),
    "SELinuxOptions.role": ("unit/oci/test_labels.py::test_labels",),
    "SELinuxOptions.type": _SELINUX,
    "SELinuxOptions.level": _SELINUX,
    "PodSecurityContext.seLinuxOptions": _SELINUX,
    "SecurityContext.seLinuxOptions": _SELINUX,
    "PodSpec.resources": ("integration/test_resources.py::test_a_pod_has_limits_as_a_whole",),
    "ResourceRequirements.limits": _LIMITS,
    "ResourceRequirements.requests": (
        f"{_PRESSURE}test_who_asks_for_more_than_there_is_is_refused_and_comes_when_there_is_room",
    ),
    # Volumes
    "Volume.name": _KEYS,
    "VolumeMount.name": _KEYS,
    "VolumeMount.mountPath": _KEYS,
    "VolumeMount.readOnly": (f"{_POD_VOLUMES}test_read_only_means_read_only",),
    "VolumeMount.recursiveReadOnly": (
        f"{_CLAIMS}test_what_is_mounted_below_is_read_only_as_well_and_stays_on_the_host",
    ),
    "VolumeMount.subPath": (*_SUB_PATH, f"{_POD_VOLUMES}test_a_sub_path_leads_through_no_link_to_the_host"),
    "VolumeMount.subPathExpr": _FIELDS,
    "VolumeMount.mountPropagation": (
        f"{_POD_VOLUMES}test_what_the_host_mounts_later",
        f"{_BOTH_WAYS}test_what_a_container_mounts_on_a_bidirectional_volume_is_seen_and_goes_with_the_pod",
    ),
    "PersistentVolumeClaimVolumeSource.claimName": _CLAIM,
    "PersistentVolumeClaimVolumeSource.readOnly": _CLAIM,
    "PersistentVolumeClaim.apiVersion": (
        f"{_CLAIM_DOCUMENTS}test_a_claim_beside_a_pod_is_fine_and_tells_what_means_nothing",
    ),
    "PersistentVolumeClaim.kind": (f"{_CLAIM_DOCUMENTS}test_what_is_wrong_with_a_claim",),
    "PersistentVolumeClaim.metadata": (f"{_CLAIM_DOCUMENTS}test_two_of_one_name",),
    "PersistentVolumeClaimSpec.volumeMode": (f"{_CLAIM_DOCUMENTS}test_what_is_wrong_with_a_claim",),
    "ImageVolumeSource.reference": (f"{_CLAIMS}test_the_files_of_an_image",),
    "ImageVolumeSource.pullPolicy": (
        f"{_CLAIMS}test_an_image_of_a_volume_that_cannot_be_had_keeps_the_container_waiting",
    ),
    "NFSVolumeSource.server": _NFS,
    "NFSVolumeSource.path": _NFS,
    "NFSVolumeSource.readOnly": _NFS,
    "ConfigMapVolumeSource.name": _KEYS,
    "ConfigMapVolumeSource.items": _KEYS,
    "ConfigMapVolumeSource.defaultMode": _KEYS,
    "ConfigMapVolumeSource.optional": _FIELDS,
    "SecretVolumeSource.secretName": _KEYS,
    "SecretVolumeSource.items": _FIELDS,
    "SecretVolumeSource.defaultMode": _KEYS,
    "SecretVolumeSource.optional": _FIELDS,
    "DownwardAPIVolumeSource.items": _CURRENT,
    "DownwardAPIVolumeSource.defaultMode": _FIELDS,
    "DownwardAPIVolumeFile.path": _CURRENT,
    "DownwardAPIVolumeFile.fieldRef": _CURRENT,
    "DownwardAPIVolumeFile.resourceFieldRef": _SEVERAL,
    "DownwardAPIVolumeFile.mode": _FIELDS,
    "KeyToPath.key": _KEYS,
    "KeyToPath.path": _KEYS,
    "KeyToPath.mode": _KEYS,
    "ProjectedVolumeSource.defaultMode": _FIELDS,
    "ConfigMapProjection.name": _SEVERAL,
    "ConfigMapProjection.items": _FIELDS,
    "ConfigMapProjection.optional": _FIELDS,
    "SecretProjection.name": _SEVERAL,
    "SecretProjection.items": _FIELDS,
    "SecretProjection.optional": _SEVERAL,
    "DownwardAPIProjection.items": _SEVERAL,
    "ServiceAccountTokenProjection.audience": _TOKENS,
    "ServiceAccountTokenProjection.expirationSeconds": _TOKENS,
    "ServiceAccountTokenProjection.path": _TOKENS,
    "EmptyDirVolumeSource.medium": (f"{_POD_VOLUMES}test_an_empty_dir_in_memory_and_its_size",),
    "EmptyDirVolumeSource.sizeLimit": (
        f"{_POD_VOLUMES}test_an_empty_dir_in_memory_and_its_size",
        f"{_POD_VOLUMES}test_an_empty_dir_on_disk_is_held_to_its_size",
    ),
    "HostPathVolumeSource.path": _HOST_PATHS,
    "HostPathVolumeSource.type": _HOST_PATHS,
    # What processes may do
    "PodSecurityContext.runAsUser": _USERS,
    "PodSecurityContext.runAsGroup": _USERS,
    "PodSecurityContext.runAsNonRoot": _NOBODY,
    "PodSecurityContext.supplementalGroups": _USERS,
    "PodSecurityContext.supplementalGroupsPolicy": (
        f"{_SECURITY}test_groups_of_the_image_are_left_out_where_the_pod_says_strict",
    ),
    "PodSecurityContext.seccompProfile": (
        "unit/oci/test_seccomp.py::test_the_container_s_profile_comes_before_the_pod_s",
    ),
    "PodSecurityContext.fsGroup": _FIELDS,
    "PodSecurityContext.fsGroupChangePolicy": (f"{_CLAIMS}test_a_group_gets_a_claim_by_its_policy",),
    "Sysctl.name": _SYSCTLS,
    "Sysctl.value": _SYSCTLS,
    "SecurityContext.privileged": (f"{_SECURITY}test_who_is_privileged",),
    "SecurityContext.readOnlyRootFilesystem": _RESTRICTED,
    "SecurityContext.runAsUser": _USERS,
    "SecurityContext.runAsGroup": _RESTRICTED,
    "SecurityContext.runAsNonRoot": _NOBODY,
    "SecurityContext.allowPrivilegeEscalation": _RESTRICTED,
    "SecurityContext.seccompProfile": (*_FILTERED, *_FILTER),
    "SecurityContext.procMount": ("integration/test_user_namespaces.py::test_proc_without_masks",),
    "Capabilities.add": _CAPABILITIES,
    "Capabilities.drop": _CAPABILITIES,
    "SeccompProfile.type": _FILTERED,
    "SeccompProfile.localhostProfile": _FILTER,
}
