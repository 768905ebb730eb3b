"""The pod network: addresses, messages and rules (pure) beside links, leases and nftables (the edge).

Other rooms use PodNetwork, and what it takes and gives. Nothing here knows what a pod is but its uid.
"""

from hostpod.network.bandwidth import Bandwidth
from hostpod.network.errors import NetworkError
from hostpod.network.host_ports import PublishedPort
from hostpod.network.pod_network import Attachment, PodNetwork

__all__ = ["Attachment", "Bandwidth", "NetworkError", "PodNetwork", "PublishedPort"]
