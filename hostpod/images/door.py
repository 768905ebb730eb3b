"""Who gets an image that is here, and who shares a pull: by the settings, and by what the catalogue knows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from hostpod.config import ImagesConfig
from hostpod.images.access import Verification, may_have
from hostpod.images.catalogue import Catalogue
from hostpod.images.complaints import others_may_be_let_in
from hostpod.images.image import Image
from hostpod.images.keyring import Key, PullSecret, keys_for
from hostpod.images.references import Reference, image_id, parse_reference


class Door:
    """Lets pods to images."""

    def __init__(self, catalogue: Catalogue, config: ImagesConfig) -> None:
        self._catalogue = catalogue
        self.reconfigure(config)

    def reconfigure(self, config: ImagesConfig) -> None:
        """For who comes from now on."""
        allowlist = tuple(config.preloaded_images_verification_allowlist)
        self._rules = Verification(policy=config.pull_credentials_verification, allowlist=allowlist)

    def lets_in(self, image: Image, reference: str, secrets: Sequence[PullSecret]) -> bool:
        """Whether a pod with these Secrets may have an image that is here. By its id it may be had by whoever may have
        it by one of its names."""
        held = self._catalogue.access(image.id)
        if image_id(reference) is None:
            repositories = [parse_reference(reference).name]
        else:
            named = (parse_reference(each).name for each in (*image.references, *image.repo_digests))
            repositories = [*dict.fromkeys(named), ""]  # one without a name has nobody who could be asked
        return any(may_have(self._rules, name, held, keys_for(secrets, name)) for name in repositories)


def flight_key(reference: Reference, keys: Sequence[Key]) -> str:
    """Who has the same shares a pull."""
    if not keys:
        return str(reference)
    prints = ",".join(f"{key.secret.namespace}/{key.secret.name}/{_print(reference, key)}" for key in keys)
    return f"{reference} {hashlib.sha256(prints.encode()).hexdigest()}"


def _print(reference: Reference, key: Key) -> str:
    return f"{key.secret.uid}/{key.credential.fingerprint(reference.name)}"


def never_pulled(reference: str, *, is_here: bool) -> str:
    """Why an image is not to be had that may not be pulled; of one that is here in the kubelet's words."""
    if is_here:
        return (
            f'Container image "{reference}" is present with pull policy of Never but does not have the proper '
            "credentials to access the image"
        )
    return f'image "{reference}" is not on this host and imagePullPolicy is Never'


def no_key_fits(reference: Reference, secrets: Sequence[PullSecret], refusal: str) -> str:
    """What to add where the pod has Secrets, and none for the registry that let nobody in; else nothing."""
    if not secrets or not others_may_be_let_in(refusal):
        return ""
    names = ", ".join(f'"{secret.name}"' for secret in secrets)
    return f"; of imagePullSecrets ({names}) none is for {reference.name}"


def no_such_id(reference: str, *, is_here: bool) -> str:
    """Why an image is not to be had by its id: a registry is not asked by it."""
    if is_here:
        return f'the image with the id "{reference}" came with credentials that the pod does not have; name it instead'
    return f'no image on this host has the id "{reference}"; pull it by its name'
