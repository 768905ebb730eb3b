"""skopeo speaks to registries and reads archives: mirrors, credentials and policies are then as everywhere."""

from __future__ import annotations

from collections.abc import Sequence
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

    def __init__(self, binary: str, config: ImagesConfig) -> None:
        self._binary = binary
        self._config = config

    def reconfigure(self, config: ImagesConfig) -> None:
        """For what is fetched from now on."""
        self._config = config

    async def manifest(self, source: str) -> bytes:
        """The manifest or index that the source names, byte for byte."""
        completed = await self._run(["inspect", *self._authentication(), "--raw", source], cwd=None)
        return completed.stdout

    async def configuration(self, source: str) -> bytes:
        """The configuration of the image that the source names, byte for byte."""
        completed = await self._run(["inspect", *self._authentication(), "--raw", "--config", source], cwd=None)
        return completed.stdout

    async def fetch(self, source: str, directory: Path) -> None:
        """Copy the image for this host's platform to `directory`: an OCI layout and, beside it, blobs by digest.

        A blob that is in BLOBS/sha256 already, if only by name and size, is not fetched.
        """
        options = [*self._authentication(), "--quiet", "--dest-oci-accept-uncompressed-layers"]
        target = ["--dest-shared-blob-dir", BLOBS, source, f"oci:{LAYOUT}:image"]
        await self._run(["copy", *options, *target], cwd=directory, before=DIES_WITH_US)

    async def _run(self, arguments: Sequence[str], *, cwd: Path | None, before: Sequence[str] = ()) -> Completed:
        argv = [*before, self._binary, *self._settings(cwd), *arguments]
        try:
            return await run(argv, timeout_s=self._config.pull_deadline_s, cwd=cwd, expendable=True)
        except CommandFailedError as error:
            raise ImagePullError(registry_words(error.completed.stderr.decode(errors="replace"))) from error
        except CommandTimedOutError as error:
            raise ImagePullError(f"no end within {self._config.pull_deadline_s:g} s") from error
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

    def _authentication(self) -> list[str]:
        return ["--authfile", str(self._config.auth_file)] if self._config.auth_file else []
