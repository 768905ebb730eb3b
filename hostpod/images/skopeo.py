"""skopeo speaks to registries and reads archives: mirrors, credentials and policies are then as everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hostpod.config import ImagesConfig
from hostpod.host.process import CommandError, CommandFailedError, CommandTimedOutError, Completed, run
from hostpod.images.commands import DIES_WITH_US
from hostpod.images.complaints import registry_words
from hostpod.images.errors import ImagePullError

# Where skopeo itself looks for a signature policy. Without any it refuses every pull.
_POLICIES = ("~/.config/containers/policy.json", "/etc/containers/policy.json", "/usr/share/containers/policy.json")

LAYOUT, BLOBS = "layout", "blobs"


class Skopeo:
    """`source` is TRANSPORT:NAME in skopeo's words. Raises ImagePullError with the registry's."""

    def __init__(self, binary: str, config: ImagesConfig, *, auth: Path | bytes | None = None) -> None:
        self._binary = binary
        self._config = config
        self._auth = auth

    def reconfigure(self, config: ImagesConfig) -> None:
        """For what is fetched from now on."""
        self._config = config

    def using(self, auth: Path | bytes | None) -> Skopeo:
        """The same with other credentials: those of a file or of its content; None: skopeo's own search."""
        return Skopeo(self._binary, self._config, auth=auth)

    async def manifest(self, source: str) -> bytes:
        """The manifest or index that the source names, byte for byte."""
        completed = await self._run(["inspect", "--raw", source], cwd=None)
        return completed.stdout

    async def configuration(self, source: str) -> bytes:
        """The configuration of the image that the source names, byte for byte."""
        completed = await self._run(["inspect", "--raw", "--config", source], cwd=None)
        return completed.stdout

    async def fetch(self, source: str, directory: Path) -> None:
        """Copy the image for this host's platform to `directory`: an OCI layout and, beside it, blobs by digest.

        A blob that is in BLOBS/sha256 already, if only by name and size, is not fetched.
        """
        options = ["--quiet", "--dest-oci-accept-uncompressed-layers"]
        target = ["--dest-shared-blob-dir", BLOBS, source, f"oci:{LAYOUT}:image"]
        await self._run(["copy", *options, *target], cwd=directory, before=DIES_WITH_US)

    async def _run(self, arguments: Sequence[str], *, cwd: Path | None, before: Sequence[str] = ()) -> Completed:
        timeout_s = self._config.pull_deadline_s
        try:
            with _authentication(self._auth) as (options, descriptors):
                argv = [*before, self._binary, *self._settings(cwd), arguments[0], *options, *arguments[1:]]
                return await run(argv, timeout_s=timeout_s, cwd=cwd, pass_fds=descriptors, expendable=True)
        except CommandFailedError as error:
            raise ImagePullError(registry_words(error.completed.stderr.decode(errors="replace"))) from error
        except CommandTimedOutError as error:
            raise ImagePullError(f"no end within {timeout_s:g} s") from error
        except CommandError as error:
            raise ImagePullError(str(error)) from error

    def _settings(self, scratch: Path | None) -> list[str]:
        settings = ["--tmpdir", str(scratch)] if scratch else []
        if self._config.registries_conf:
            settings += ["--registries-conf", str(self._config.registries_conf)]
        if self._config.policy:
            settings += ["--policy", str(self._config.policy)]
        elif not any(Path(path).expanduser().exists() for path in _POLICIES):
            settings.append("--insecure-policy")
        return settings


@contextmanager
def _authentication(auth: Path | bytes | None) -> Iterator[tuple[Sequence[str], Sequence[int]]]:
    """Options of skopeo, and the descriptors that it inherits for them. Credentials are in a file without a name, in
    memory: there is nothing to remove, and nothing of them in an argument, in the environment or on a disk."""
    if not isinstance(auth, bytes):
        yield (["--authfile", str(auth)] if auth else []), ()
        return
    descriptor = os.memfd_create("auth")
    try:
        os.fchmod(descriptor, 0o600)
        os.pwrite(descriptor, auth, 0)
        yield ["--authfile", f"/proc/self/fd/{descriptor}"], (descriptor,)
    finally:
        os.close(descriptor)
