"""A pod's files: volumes, claimed storage, mounts, subPath and the files every pod has (/etc/hosts, /dev/shm …).

Pure parts (hosts, resolv, sizes) beside their edge. Other rooms use PodVolumes, and what it takes and gives.
"""

from hostpod.volumes.claims import Claim
from hostpod.volumes.errors import VolumeError
from hostpod.volumes.pod_volumes import PodFacts, PodVolumes, PreparedVolumes, VolumeMounted, read_text

__all__ = ["Claim", "PodFacts", "PodVolumes", "PreparedVolumes", "VolumeError", "VolumeMounted", "read_text"]
