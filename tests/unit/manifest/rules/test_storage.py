from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import volume_problems

ISCSI = {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2015-02.example.com:disk", "lun": 0}
ISCSI_NAME = "must be an iSCSI name, like iqn.2015-02.example.com:disk"
AZURE = {"diskName": "a", "diskURI": "https://a"}
SCALE_IO = {"gateway": "a", "system": "b", "secretRef": {"name": "c"}, "volumeName": "d"}
LABEL = 'a DNS label: lower case letters, digits and "-", at most 63 characters, first and last no "-"'


def missing(kind: str, *names: str) -> list[str]:
    return [f"{kind}.{name}: is missing, must be set" for name in names]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"nfs": {"server": "a", "path": "/b"}}, []),
        ({"nfs": {"server": "", "path": ""}}, sorted(missing("nfs", "server", "path"))),
        ({"nfs": {"server": "a", "path": "b"}}, ['nfs.path: "b" must be an absolute path, beginning with "/"']),
        ({"gitRepo": {"repository": "a", "directory": "b"}}, []),
        (
            {"gitRepo": {"repository": "", "directory": "../b"}},
            [*missing("gitRepo", "repository"), 'gitRepo.directory: "../b" must be a path without ".."'],
        ),
        ({"gcePersistentDisk": {"pdName": "a", "partition": 255}}, []),
        (
            {"gcePersistentDisk": {"pdName": "", "partition": 256}},
            [
                *missing("gcePersistentDisk", "pdName"),
                "gcePersistentDisk.partition: 256 is out of range, must be between 0 and 255",
            ],
        ),
        (
            {"awsElasticBlockStore": {"volumeID": "", "partition": -1}},
            [
                *missing("awsElasticBlockStore", "volumeID"),
                "awsElasticBlockStore.partition: -1 is out of range, must be between 0 and 255",
            ],
        ),
        ({"glusterfs": {"endpoints": "", "path": ""}}, missing("glusterfs", "endpoints", "path")),
        ({"rbd": {"image": "", "monitors": []}}, missing("rbd", "image", "monitors")),
        ({"cephfs": {"monitors": []}}, missing("cephfs", "monitors")),
        ({"azureFile": {"secretName": "", "shareName": ""}}, missing("azureFile", "secretName", "shareName")),
        ({"vsphereVolume": {"volumePath": ""}}, missing("vsphereVolume", "volumePath")),
        ({"photonPersistentDisk": {"pdID": ""}}, missing("photonPersistentDisk", "pdID")),
        ({"portworxVolume": {"volumeID": ""}}, missing("portworxVolume", "volumeID")),
        ({"cinder": {"volumeID": "a"}}, []),
        ({"cinder": {"volumeID": "", "secretRef": {}}}, missing("cinder", "volumeID", "secretRef.name")),
        ({"scaleIO": SCALE_IO}, []),
        ({"scaleIO": {**SCALE_IO, "gateway": "", "volumeName": ""}}, missing("scaleIO", "gateway", "volumeName")),
        ({"storageos": {"volumeName": "a"}}, []),
        (
            {"storageos": {"volumeNamespace": "B", "secretRef": {"name": ""}}},
            [
                *missing("storageos", "volumeName"),
                f'storageos.volumeNamespace: "B" must be {LABEL}',
                *missing("storageos", "secretRef.name"),
            ],
        ),
        ({"iscsi": ISCSI}, []),
        (
            {
                "iscsi": {
                    **ISCSI,
                    "iqn": "eui.0123456789ABCDEF",
                    "initiatorName": "naa.0123456789abcdef0123456789abcdef",
                }
            },
            [],
        ),
        ({"iscsi": {**ISCSI, "iqn": "", "targetPortal": ""}}, missing("iscsi", "iqn", "targetPortal")),
        (
            {"iscsi": {**ISCSI, "iqn": "iqn.2015-02.example.com:a;ls;"}},
            [f'iscsi.iqn: "iqn.2015-02.example.com:a;ls;" {ISCSI_NAME}'],
        ),
        ({"iscsi": {**ISCSI, "initiatorName": "me"}}, [f'iscsi.initiatorName: "me" {ISCSI_NAME}']),
        ({"iscsi": {**ISCSI, "lun": 256}}, ["iscsi.lun: 256 is out of range, must be between 0 and 255"]),
        ({"iscsi": {**ISCSI, "chapAuthSession": True}}, ["iscsi.secretRef: is missing, CHAP needs a Secret"]),
        ({"iscsi": {**ISCSI, "chapAuthDiscovery": True, "secretRef": {"name": "a"}}}, []),
        ({"fc": {"targetWWNs": ["a"], "lun": 0}}, []),
        ({"fc": {"wwids": ["a"]}}, []),
        ({"fc": {}}, ['fc: is empty, set one of "targetWWNs" or "wwids"']),
        (
            {"fc": {"targetWWNs": ["a"], "wwids": ["b"], "lun": 256}},
            [
                'fc.wwids: stands beside "targetWWNs", only one of them may be set',
                "fc.lun: 256 is out of range, must be between 0 and 255",
            ],
        ),
        ({"fc": {"targetWWNs": ["a"]}}, ["fc.lun: is missing, targetWWNs needs it"]),
        ({"flocker": {"datasetName": "a"}}, []),
        ({"flocker": {}}, ['flocker: is empty, set one of "datasetName" or "datasetUUID"']),
        (
            {"flocker": {"datasetName": "a/b", "datasetUUID": "c"}},
            [
                'flocker.datasetUUID: stands beside "datasetName", only one of them may be set',
                'flocker.datasetName: "a/b" must not contain "/"',
            ],
        ),
        ({"quobyte": {"registry": "a:1,[::1]:2", "volume": "v", "tenant": "t"}}, []),
        (
            {"quobyte": {"registry": "a1", "volume": ""}},
            [*missing("quobyte", "volume"), 'quobyte.registry: "a1" must be host:port, several joined by commas'],
        ),
        (
            {"quobyte": {"registry": "", "volume": "v", "tenant": "t" * 65}},
            [*missing("quobyte", "registry"), "quobyte.tenant: is longer than 64 characters"],
        ),
        ({"csi": {"driver": "Ebs.csi.aws.com", "nodePublishSecretRef": {"name": "a"}}}, []),
        (
            {"csi": {"driver": "", "nodePublishSecretRef": {"name": ""}}},
            missing("csi", "driver", "nodePublishSecretRef.name"),
        ),
        ({"csi": {"driver": "a" * 64}}, ["csi.driver: is longer than 63 characters"]),
        ({"flexVolume": {"driver": "a", "options": {"example.com/a": "b", "c": "d"}}}, []),
        (
            {"flexVolume": {"driver": "a", "options": {"a.K8s.io/b": "c"}}},
            ["flexVolume.options.a.K8s.io/b: kubernetes.io and k8s.io are reserved, take another name"],
        ),
        ({"azureDisk": {**AZURE, "kind": "Dedicated", "cachingMode": "None"}}, []),
        ({"azureDisk": {"diskName": "", "diskURI": ""}}, missing("azureDisk", "diskName", "diskURI")),
        (
            {"azureDisk": {**AZURE, "kind": "Managed"}},
            ['azureDisk.diskURI: must begin with "/subscriptions/" for a disk of this kind'],
        ),
        (
            {"azureDisk": {**AZURE, "diskURI": "/subscriptions/a", "kind": "Shared"}},
            ['azureDisk.diskURI: must begin with "https://" for a disk of this kind'],
        ),
        (
            {"azureDisk": {**AZURE, "cachingMode": "a", "kind": "b"}},
            [
                'azureDisk.cachingMode: "a" is not known, write "None", "ReadOnly" or "ReadWrite"',
                'azureDisk.kind: "b" is not known, write "Shared", "Dedicated" or "Managed"',
            ],
        ),
    ],
)
def test_storage_outside_of_the_host(source: dict[str, Any], expected: list[str]) -> None:
    assert volume_problems(**source) == expected
