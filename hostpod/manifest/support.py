"""What hostpod does with each field: the one declaration that errors, `validate -v` and docs/fields.md come from.

A level counts for everything below its field. An object whose level is "works" has a level for each of its own fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from hostpod.kube import (
    AppArmorProfile,
    Capabilities,
    ConfigMap,
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    ConfigMapProjection,
    ConfigMapVolumeSource,
    Container,
    ContainerPort,
    ContainerResizePolicy,
    ContainerRestartRule,
    ContainerRestartRuleOnExitCodes,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    ExecAction,
    FileKeySelector,
    GRPCAction,
    HostAlias,
    HostPathVolumeSource,
    HTTPGetAction,
    HTTPHeader,
    ImageVolumeSource,
    KeyToPath,
    KubeModel,
    Lifecycle,
    LifecycleHandler,
    LocalObjectReference,
    NFSVolumeSource,
    ObjectFieldSelector,
    ObjectMeta,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodDNSConfig,
    PodDNSConfigOption,
    PodOS,
    PodSecurityContext,
    PodSpec,
    Probe,
    ProjectedVolumeSource,
    ResourceFieldSelector,
    ResourceRequirements,
    SeccompProfile,
    Secret,
    SecretEnvSource,
    SecretKeySelector,
    SecretProjection,
    SecretVolumeSource,
    SecurityContext,
    SELinuxOptions,
    ServiceAccountTokenProjection,
    SleepAction,
    Sysctl,
    TCPSocketAction,
    Volume,
    VolumeMount,
    VolumeProjection,
)

Level = Literal["works", "meaningless", "not supported"]
REMOVE_IT = "remove it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """A level; `note` is the reason of "meaningless" and the advice of "not supported".

    `values` are the only ones that have the level. Of a map, `refused` tells how those keys begin that are not
    supported.
    """

    level: Level
    note: str = ""
    values: tuple[object, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def for_keys(self) -> bool:
        """Whether the keys of a map have levels of their own."""
        return bool(self.refused)

    def of_key(self, key: str) -> Support:
        """The level of one key of a map."""
        return REFUSED if key.startswith(self.refused) else ALLOWED


REFUSED = Support(level="not supported", note=REMOVE_IT)
ALLOWED = Support(level="works")

Levels = dict[str, Support]


def works(*names: str) -> Levels:
    """Does what Kubernetes says."""
    return dict.fromkeys(names, ALLOWED)


def only(*values: object) -> Support:
    """Works with these values."""
    return Support(level="works", values=values)


def meaningless(reason: str, *names: str) -> Levels:
    """Accepted, and without an effect on one host."""
    return dict.fromkeys(names, Support(level="meaningless", note=reason))


def unsupported(*names: str, advice: str = REMOVE_IT) -> Levels:
    """An error that says so."""
    return dict.fromkeys(names, Support(level="not supported", note=advice))


_MEANT_FOR_OTHERS = ("cdi.k8s.io/",)
_NO_SCHEDULER = "there is no scheduler, the pod runs on this host"
_NO_API_SERVER = "no API server keeps it"
_NO_TOKENS = "nothing is mounted by itself: a projected volume gives a token"

SUPPORT: Mapping[type[KubeModel], Levels] = {
    Pod: {**works("apiVersion", "kind", "metadata", "spec"), **meaningless("hostpod observes it by itself", "status")},
    ObjectMeta: {
        **works("name", "namespace", "labels", "uid"),
        "annotations": Support(level="works", refused=_MEANT_FOR_OTHERS),
        **meaningless("the name is taken", "generateName"),
        **meaningless(
            _NO_API_SERVER,
            *("selfLink", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
            *("deletionGracePeriodSeconds", "ownerReferences", "finalizers", "managedFields"),
        ),
    },
    ConfigMap: works("apiVersion", "kind", "metadata", "immutable", "data", "binaryData"),
    Secret: works("apiVersion", "kind", "metadata", "immutable", "data", "stringData", "type"),
    PersistentVolumeClaim: works("apiVersion", "kind", "metadata", "spec"),
    PersistentVolumeClaimSpec: {
        **meaningless(
            "a claim is a directory of this host, without a size or a class of its own",
            *("accessModes", "resources", "selector", "storageClassName", "volumeAttributesClassName", "volumeName"),
        ),
        "volumeMode": only("Filesystem"),
        **unsupported("dataSource", "dataSourceRef", advice="put the files into the directory"),
    },
    PodSpec: {
        **works("initContainers", "activeDeadlineSeconds"),
        **works("containers", "volumes", "restartPolicy", "terminationGracePeriodSeconds", "hostname"),
        **works("priority", "resources"),
        **meaningless(
            "of all classes only system-cluster-critical and system-node-critical are known here: set priority",
            "priorityClassName",
        ),
        **works("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "securityContext", "os"),
        **works("dnsPolicy", "dnsConfig", "subdomain", "setHostnameAsFQDN", "hostnameOverride", "hostAliases"),
        **works("hostUsers"),
        **meaningless(
            _NO_SCHEDULER,
            *("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "schedulerName"),
            *("preemptionPolicy", "schedulingGroup", "overhead", "nodeName"),
        ),
        **works("serviceAccountName", "serviceAccount"),
        **meaningless(_NO_TOKENS, "automountServiceAccountToken"),
        **meaningless("there are no Services to make variables of", "enableServiceLinks"),
        **unsupported("ephemeralContainers", advice="use hostpod exec"),
        **works("imagePullSecrets"),
        **unsupported("readinessGates", "schedulingGates", "runtimeClassName", "resourceClaims"),
    },
    LocalObjectReference: works("name"),
    HostAlias: works("ip", "hostnames"),
    PodDNSConfig: works("nameservers", "searches", "options"),
    PodDNSConfigOption: works("name", "value"),
    PodOS: {"name": Support(level="meaningless", note="every host of hostpod is Linux", values=("linux",))},
    Container: {
        **works("name", "image", "imagePullPolicy", "command", "args", "workingDir", "ports", "env", "envFrom"),
        **works("resources", "volumeMounts", "securityContext"),
        **works("terminationMessagePath", "terminationMessagePolicy", "lifecycle", "restartPolicy"),
        **works("restartPolicyRules"),
        **works("resizePolicy"),
        **works("livenessProbe", "readinessProbe", "startupProbe"),
        **unsupported("volumeDevices"),
        **works("stdin", "stdinOnce", "tty"),
    },
    ContainerResizePolicy: works("resourceName", "restartPolicy"),
    ContainerRestartRule: {"action": only("Restart"), **works("exitCodes")},
    ContainerRestartRuleOnExitCodes: works("operator", "values"),
    Lifecycle: works("postStart", "preStop", "stopSignal"),
    ExecAction: works("command"),
    HTTPGetAction: works("path", "port", "host", "scheme", "httpHeaders"),
    HTTPHeader: works("name", "value"),
    SleepAction: works("seconds"),
    TCPSocketAction: works("port", "host"),
    GRPCAction: works("port", "service"),
    Probe: {
        **works("exec", "httpGet", "tcpSocket", "grpc", "initialDelaySeconds", "timeoutSeconds", "periodSeconds"),
        **works("successThreshold", "failureThreshold", "terminationGracePeriodSeconds"),
    },
    LifecycleHandler: {**works("exec", "httpGet", "sleep"), **unsupported("tcpSocket", advice="use exec or httpGet")},
    EnvVar: works("name", "value", "valueFrom"),
    EnvVarSource: works("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"),
    ConfigMapKeySelector: works("name", "key", "optional"),
    SecretKeySelector: works("name", "key", "optional"),
    FileKeySelector: works("volumeName", "path", "key", "optional"),
    ObjectFieldSelector: works("apiVersion", "fieldPath"),
    ResourceFieldSelector: works("containerName", "resource", "divisor"),
    EnvFromSource: works("prefix", "configMapRef", "secretRef"),
    ConfigMapEnvSource: works("name", "optional"),
    SecretEnvSource: works("name", "optional"),
    ContainerPort: works("name", "containerPort", "protocol", "hostPort", "hostIP"),
    VolumeMount: {
        **works("name", "mountPath", "readOnly", "recursiveReadOnly", "subPath", "subPathExpr", "mountPropagation"),
    },
    ResourceRequirements: {
        **works("limits", "requests"),
        **unsupported("claims", advice="ask for a device by a resource's name (docs/inside.md)"),
    },
    Volume: {
        **works("name", "emptyDir", "hostPath", "configMap", "secret", "downwardAPI", "projected"),
        **works("image", "nfs", "persistentVolumeClaim"),
        **unsupported("ephemeral", advice="use emptyDir or persistentVolumeClaim"),
        **unsupported(
            *("csi", "iscsi", "fc", "flexVolume", "gitRepo", "cephfs", "rbd", "glusterfs", "cinder", "flocker"),
            *("awsElasticBlockStore", "azureDisk", "azureFile", "gcePersistentDisk", "photonPersistentDisk"),
            *("portworxVolume", "quobyte", "scaleIO", "storageos", "vsphereVolume"),
            advice="use emptyDir or hostPath",
        ),
    },
    ConfigMapVolumeSource: works("name", "items", "defaultMode", "optional"),
    SecretVolumeSource: works("secretName", "items", "defaultMode", "optional"),
    DownwardAPIVolumeSource: works("items", "defaultMode"),
    DownwardAPIVolumeFile: works("path", "fieldRef", "resourceFieldRef", "mode"),
    KeyToPath: works("key", "path", "mode"),
    ProjectedVolumeSource: works("sources", "defaultMode"),
    VolumeProjection: {
        **works("configMap", "secret", "downwardAPI", "serviceAccountToken"),
        **unsupported("clusterTrustBundle", "podCertificate"),
    },
    ConfigMapProjection: works("name", "items", "optional"),
    SecretProjection: works("name", "items", "optional"),
    DownwardAPIProjection: works("items"),
    ServiceAccountTokenProjection: works("audience", "expirationSeconds", "path"),
    EmptyDirVolumeSource: {
        "medium": only("", "Memory", "HugePages", *(f"HugePages-{size}" for size in ("64Ki", "2Mi", "32Mi", "1Gi"))),
        **works("sizeLimit"),
    },
    HostPathVolumeSource: works("path", "type"),
    ImageVolumeSource: works("reference", "pullPolicy"),
    NFSVolumeSource: works("server", "path", "readOnly"),
    PersistentVolumeClaimVolumeSource: works("claimName", "readOnly"),
    PodSecurityContext: {
        **works("runAsUser", "runAsGroup", "runAsNonRoot", "supplementalGroups", "supplementalGroupsPolicy"),
        **works("seccompProfile", "sysctls"),
        **works("fsGroup", "fsGroupChangePolicy"),
        **works("seLinuxOptions", "appArmorProfile"),
        **meaningless("the pod's own files are labelled one by one, whatever it says", "seLinuxChangePolicy"),
        **unsupported("windowsOptions"),
    },
    Sysctl: works("name", "value"),
    SecurityContext: {
        **works("privileged", "readOnlyRootFilesystem", "runAsUser", "runAsGroup", "runAsNonRoot", "capabilities"),
        **works("allowPrivilegeEscalation", "seccompProfile"),
        **works("procMount"),
        **works("seLinuxOptions", "appArmorProfile"),
        **unsupported("windowsOptions"),
    },
    Capabilities: works("add", "drop"),
    SeccompProfile: works("type", "localhostProfile"),
    AppArmorProfile: works("type", "localhostProfile"),
    SELinuxOptions: works("user", "role", "type", "level"),
}
