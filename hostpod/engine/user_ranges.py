"""Which pod has which ids of the host. A pod's record says so too, so that they are its own over restarts."""

from __future__ import annotations

from hostpod.config import UserNamespacesConfig
from hostpod.host.store import StoreError
from hostpod.host.subids import subordinate_ids
from hostpod.plan.user_ranges import free_range


class UserRanges:
    """Every pod of this daemon that has a user namespace of its own, by uid."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def note(self, uid: str, first_id: int) -> None:
        """A pod has them already."""
        self._taken[uid] = first_id

    def take(self, uid: str, settings: UserNamespacesConfig) -> int:
        """The first id of a range that is free: no pod's, and no user's by /etc/subuid. StoreError: there is none."""
        taken = set(self._taken.values())
        found = free_range(settings.first_id, settings.pods, taken=taken, others=subordinate_ids())
        if found is None:
            raise StoreError(
                "cannot give the pod ids of its own (hostUsers: false): all ranges are taken; raise userNamespaces.pods"
            )
        self._taken[uid] = found
        return found

    def release(self, uid: str) -> None:
        """The pod is gone; nothing when it had none."""
        self._taken.pop(uid, None)
