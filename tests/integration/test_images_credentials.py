"""Private images: who gets them from a registry with TLS and passwords, and who gets them when they are here."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostpod.images import Image, ImageError, ImageNeverPulledError, ImageStore, PullSecret, pull_secret
from hostpod.images.image import PullPolicy
from hostpod.kube import Secret
from lab.place import patient
from lab.registry import USERS, Registry
from tests.integration import guarded
from tests.integration.guarded import auths, fill, own_containers_settings, trust
from tests.integration.image_kit import Layout, Place
from tests.unit.images.archives import archive, member

pytestmark = pytest.mark.integration
ASK = "unauthorized: authentication required"


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """With app/web and team/web in it, which are one image, and other/web."""
    directory = tmp_path_factory.mktemp("private")
    with guarded.guarded_registry(directory) as running:
        layout = Layout(directory / "layout")
        fill(running, layout, "app/web", "team/web")
        fill(running, layout, "other/web")
        yield running


@pytest.fixture
def place(tmp_path: Path, private: Registry, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A host that nobody has logged in on. Its docker.io is the private registry."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    made = Place(tmp_path / "place", private.address)
    made.registries.write_text("")
    return made


def pod_secret(name: str, document: dict[str, Any], *, old: bool = False) -> PullSecret:
    return pull_secret(Secret.model_validate(guarded.secret(name, document, old=old)))


def got(place: Place, reference: str, *secrets: PullSecret, policy: PullPolicy = "IfNotPresent", **more: Any) -> Image:
    return place.run(lambda store: store.ensure(reference, policy=policy, secrets=secrets), **more)


def refusal(
    place: Place, reference: str, *secrets: PullSecret, policy: PullPolicy = "IfNotPresent", **more: Any
) -> str:
    with pytest.raises(ImageError) as caught:
        got(place, reference, *secrets, policy=policy, **more)
    words = str(caught.value)
    assert "\n" not in words
    assert not any(secret in words for secret in guarded.SECRETS)
    return words


class TestPull:
    def test_a_secret_opens_and_a_wrong_password_does_not(self, place: Place, private: Registry) -> None:
        name = f"{private.address}/app/web:1"
        alice = pod_secret("alice", auths(private.address, "alice"))
        wrong = pod_secret("wrong", auths(private.address, "alice", "guessed"))
        foreign = pod_secret("foreign", auths("registry.example.com", "alice"))
        assert refusal(place, name) == f'cannot pull "{name}": {ASK}'
        advice = f'of imagePullSecrets ("foreign") none is for {private.address}/app/web'
        assert refusal(place, name, foreign) == f'cannot pull "{name}": {ASK}; {advice}'
        asked = 'asked with Secret "wrong" and what this host has'
        assert refusal(place, name, wrong) == f'cannot pull "{name}": {ASK} ({asked})'
        assert got(place, name, wrong, alice).references == (name,)  # one after another
        assert place.files() == set()

    def test_the_older_type_and_a_key_with_a_path(self, place: Place, private: Registry) -> None:
        document = auths(f"https://{private.address}/v2/", "bob")
        narrow = auths(f"{private.address}/team", "alice", "guessed")
        secrets = (pod_secret("old", document, old=True), pod_secret("narrow", narrow))
        assert got(place, f"{private.address}/app/web:1", *secrets)
        assert got(place, f"{private.address}/team/web:1", *secrets)

    def test_what_the_host_is_logged_in_with(
        self, place: Place, private: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = f"{private.address}/app/web:1"
        file = tmp_path / "auth.json"
        file.write_text(json.dumps(auths("registry.example.com", "bob")))
        assert refusal(place, name, auth_file=file) == f'cannot pull "{name}": {ASK}'
        docker = tmp_path / "home/.docker/config.json"
        docker.parent.mkdir(parents=True)
        docker.write_text(json.dumps(auths(private.address, "alice")))
        assert got(place, name, auth_file=file)
        answers = tmp_path / "answers"
        answers.write_text(json.dumps({"ServerURL": "", "Username": "bob", "Secret": USERS["bob"]}))
        program = tmp_path / "docker-credential-lab"
        program.write_text(f"#!/bin/sh\nread server\necho $1 $server >> {tmp_path}/asked\ncat {answers}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        for form in ({"credHelpers": {private.address: "lab"}}, {"credsStore": "lab"}):
            docker.write_text(json.dumps(form))
            assert got(place, name, policy="Always")
            assert (tmp_path / "asked").read_text().splitlines()[0] == f"get {private.address}"
            (tmp_path / "asked").unlink()

    def test_the_default_file(self, place: Place, private: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        default = place.directory / "auth.json"
        default.write_text(json.dumps(auths(private.address, "bob")))
        monkeypatch.setattr("hostpod.images.node_credentials.DEFAULT", default)
        assert got(place, f"{private.address}/app/web:1")

    def test_who_comes_at_once_with_another_credential_does_not_share_the_pull(
        self, place: Place, private: Registry
    ) -> None:
        name = f"{private.address}/other/web:1"
        alice, bob = (pod_secret(user, auths(private.address, user)) for user in ("alice", "bob"))
        wrong = pod_secret("wrong", auths(private.address, "alice", "guessed"))

        async def all_at_once(store: ImageStore) -> list[object]:
            wanted = [
                asyncio.ensure_future(store.ensure(name, policy="IfNotPresent", secrets=each))
                for each in ((wrong,), (alice,), (), (bob,))
            ]
            return [await each if not (error := await _error(each)) else error for each in wanted]

        first, second, third, fourth = place.run(all_at_once)
        assert isinstance(second, Image)
        assert second == fourth
        assert isinstance(first, ImageError)
        assert isinstance(third, ImageError)


async def _error(task: asyncio.Future[Image]) -> BaseException | None:
    await asyncio.wait([task])
    return task.exception()


class TestImagesThatAreHere:
    def test_another_pod_has_to_show_that_it_may(self, place: Place, private: Registry, tmp_path: Path) -> None:
        name, other = f"{private.address}/app/web:1", f"{private.address}/team/web:1"
        alice, same, bob = (
            pod_secret(called, auths(private.address, user))
            for called, user in (("alice", "alice"), ("same", "alice"), ("bob", "bob"))
        )
        wrong = pod_secret("wrong", auths(private.address, "alice", "guessed"))
        image = got(place, name, alice)
        assert ASK in refusal(place, name)
        assert ASK in refusal(place, name, wrong)
        assert "present with pull policy of Never but does not have" in refusal(place, name, bob, policy="Never")
        assert "came with credentials that the pod does not have" in refusal(place, image.id)
        place.registries.write_text(f'[[registry]]\nprefix = "{private.address}"\nlocation = "127.0.0.1:1"\n')
        rotated = pod_secret("alice", auths(private.address, "alice", "changed since"))
        for secrets in ((alice,), (same,), (rotated,)):
            assert got(place, name, *secrets) == got(place, name, *secrets, policy="Never") == image
        assert got(place, image.id, same) == image
        assert got(place, name, pull_credentials_verification="NeverVerify") == image
        allowed: dict[str, Any] = {
            "pull_credentials_verification": "NeverVerifyAllowlistedImages",
            "preloaded_images_verification_allowlist": (f"{private.address}/app/*",),
        }
        assert got(place, name, **allowed) == image
        assert "connection refused" in refusal(place, name, bob)
        place.registries.write_text("")
        assert got(place, name, bob) == image
        assert place.run(lambda store: _at_hand(store, name, bob))
        assert not place.run(lambda store: _at_hand(store, other, alice))
        file = tmp_path / "auth.json"
        file.write_text(json.dumps(auths(private.address, "bob")))
        assert got(place, name, auth_file=file) == image
        assert got(place, name, policy="Never") == image  # the host may have it, and so may every pod

    def test_nothing_of_a_credential_is_written_down(self, place: Place, private: Registry) -> None:
        got(place, f"{private.address}/app/web:1", pod_secret("alice", auths(private.address, "alice")))
        kept = [path.read_bytes() for path in place.state.rglob("*") if path.is_file()]
        assert not any(secret.encode() in content for secret in guarded.SECRETS for content in kept)
        index = json.loads((place.state / "index.json").read_bytes())
        ((access,),) = (each["access"] for each in index["images"])
        assert (access["repository"], access["node"]) == (f"{private.address}/app/web", False)
        assert [each["name"] for each in access["secrets"]] == ["alice"]

    def test_what_is_corrupt_is_mended_with_the_secrets_of_those_who_use_it(
        self, place: Place, private: Registry
    ) -> None:
        name, alice = f"{private.address}/app/web:1", pod_secret("alice", auths(private.address, "alice"))

        async def verified(store: ImageStore, *secrets: PullSecret) -> list[str]:
            return [each.state async for each in store.verify(store.list(), lambda _: secrets)]

        def spoil() -> None:
            (layer,) = (place.state / "layers").iterdir()
            whole = layer.read_bytes()
            layer.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])

        async def work(store: ImageStore) -> None:
            for secrets, state in (((), "corrupt"), ((alice,), "mended")):
                await store.ensure(name, policy="IfNotPresent", secrets=[alice])
                assert await verified(store) == ["ok"]
                spoil()
                assert await verified(store, *secrets) == [state]

        place.run(work)

    def test_one_that_nobody_pulled_is_for_all(self, place: Place, private: Registry, tmp_path: Path) -> None:
        name = f"{private.address}/app/loaded:1"
        layout = Layout(tmp_path / "loaded")
        directory = layout.tag(layout.image([archive([member("v", content=b"1")])]))
        packed = ["skopeo", "--insecure-policy", "copy", "-q", f"oci:{directory}:latest"]
        subprocess.run([*packed, f"docker-archive:{tmp_path}/a.tar:{name}"], check=True, timeout=patient(60))
        place.run(lambda store: store.load(tmp_path / "a.tar"))
        assert got(place, name, policy="Never")
        with pytest.raises(ImageNeverPulledError):
            got(place, name, policy="Never", pull_credentials_verification="AlwaysVerify")


async def _at_hand(store: ImageStore, name: str, *secrets: PullSecret) -> bool:
    return store.is_at_hand(name, secrets)


class TestRegistriesConf:
    def test_certificates(self, place: Place, private: Registry) -> None:
        name = f"{private.address}/app/web:1"
        alice = pod_secret("alice", auths(private.address, "alice"))
        with own_containers_settings() as etc:
            words = refusal(place, name, alice)
            assert words.endswith("x509: certificate signed by unknown authority")
            assert "asked with" not in words  # one that is not trusted is not asked twice
            trust(etc, private)
            assert got(place, name, alice)

    def test_insecure_blocked_and_mirrored(
        self, place: Place, private: Registry, registry: Registry, tmp_path: Path
    ) -> None:
        alice = pod_secret("alice", auths(private.address, "alice"))
        with own_containers_settings() as etc:
            drop_ins = etc / "registries.conf.d"
            drop_ins.mkdir()
            (drop_ins / "50-lab.conf").write_text(
                f'[[registry]]\nlocation = "{private.address}"\ninsecure = true\n'
                '[[registry]]\nlocation = "bad.example.com"\nblocked = true\n'
                f'[[registry]]\nprefix = "mirrored.example.com"\nlocation = "{private.address}"\ninsecure = true\n'
                f'[[registry.mirror]]\nlocation = "{registry.address}/library"\ninsecure = true\n'
            )
            assert got(place, f"{private.address}/app/web:1", alice)
            assert "registry bad.example.com is blocked in" in refusal(place, "bad.example.com/web:1")
            mirrored = got(place, "mirrored.example.com/busybox:latest")
            (digest,) = mirrored.repo_digests
            assert digest.startswith("mirrored.example.com/busybox@sha256:")
            at = digest.partition("@")[2]
            for name in (f"mirrored.example.com/busybox@{at}", f"mirrored.example.com/busybox:any@{at}"):
                assert got(place, name, policy="Always").id == mirrored.id
            unlike = f"mirrored.example.com/busybox@sha256:{'0' * 64}"
            assert "unknown" in refusal(place, unlike)
            file = tmp_path / "auth.json"
            file.write_text(json.dumps(auths(private.address, "bob")))
            assert got(place, "mirrored.example.com/app/web:1", auth_file=file)

    def test_a_registry_that_is_not_there(self, place: Place) -> None:
        alice = pod_secret("alice", auths("127.0.0.1:1", "alice"))
        assert refusal(place, "127.0.0.1:1/web:1", alice).endswith("connect: connection refused")
