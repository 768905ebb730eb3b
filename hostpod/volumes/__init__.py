"""A pod's files: volumes, mounts, subPath and the files every pod has (/etc/hosts, resolv.conf, /dev/shm).

Pure parts (hosts, resolv, sizes) beside their edge. Other rooms use PodVolumes, and what it takes and gives.
"""

from hostpod.volumes.errors import VolumeError
from hostpod.volumes.pod_volumes import PodFacts, PodVolumes, PreparedVolumes, VolumeMounted, read_text

__all__ = ["PodFacts", "PodVolumes", "PreparedVolumes", "VolumeError", "VolumeMounted", "read_text"]
