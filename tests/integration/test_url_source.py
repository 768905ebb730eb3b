"""Manifests from a URL through the whole daemon: ETag, errors, TLS, restarts, Secrets that are told to nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.instance import all_run
from tests.integration.harness import FOREVER, NODE, Daemon, pod
from tests.integration.test_source import container_ids, wait_for_problems
from tests.integration.website import Website, website
from tests.unit.sources.certificates import make_authority

pytestmark = pytest.mark.integration

WEB, OTHER = f"web-{NODE}", f"other-{NODE}"
PIN = "hunter2"
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"pin": PIN}}
Made = Callable[..., Daemon]


@pytest.fixture
def site() -> Iterator[Website]:
    """Outlives the daemon, so that it can say in the end that there is no pod."""
    with website() as made:
        yield made


@pytest.fixture
def asking(site: Website, new_daemon: Made) -> Iterator[Made]:
    """Makes a daemon that asks the site every second."""

    def make(**more: Any) -> Daemon:
        return new_daemon(manifests={"url": site.url, "urlInterval": "1s", **more})

    yield make
    if site._server is None:
        site.up()
    site.answers.set()
    site.status, site.headers = 200, {}
    site.say()


@pytest.mark.everywhere
def test_pods_come_change_and_go_as_the_url_says(site: Website, asking: Made) -> None:
    site.say(pod("web"), SECRET)
    daemon = asking()
    daemon.start()
    shown = daemon.wait_running(WEB)[WEB]
    assert shown["metadata"]["annotations"]["kubernetes.io/config.source"] == "http"
    assert {status for _, _, status in site.until_asked(more=2)} == {304}
    site.say(pod("web", "sleep 3600"), pod("other"), SECRET)
    daemon.wait_for(
        lambda pods: OTHER in pods and pods[WEB]["metadata"]["uid"] != shown["metadata"]["uid"], what="the changed pod"
    )
    site.say()
    daemon.wait_gone(WEB, OTHER)
    assert daemon.problems() == []


def test_no_error_ends_a_pod_and_each_is_shown(site: Website, asking: Made) -> None:
    site.say(pod("web"))
    daemon = asking(urlTimeout="1s")
    daemon.start()
    before = container_ids(daemon.wait_running(WEB), WEB)
    site.status = 500
    (problem,) = wait_for_problems(daemon, "the server answers 500 Internal Server Error; what it said before holds")
    assert (problem["file"], problem["keptPod"]) == (site.url, WEB)
    site.status = 200
    wait_for_problems(daemon)
    site.body = b"kind: Pod\nspec: [\n"
    (problem,) = wait_for_problems(daemon, "a value is missing here")
    assert (problem["file"], problem["keptPod"]) == (site.url, WEB)
    site.answers.clear()
    wait_for_problems(daemon, "a value is missing here", "there is no whole answer within 1 s")
    site.answers.set()
    wait_for_problems(daemon, "a value is missing here")
    site.status, site.headers = 302, {"Location": f"http://user:{PIN}@127.0.0.1:1/"}
    wait_for_problems(daemon, "a value is missing here", "redirects are not followed: set manifests.url to http://127")
    site.down()
    wait_for_problems(daemon, "a value is missing here", "the server cannot be reached")
    listed = daemon.cli("get", "pods")
    assert f"{site.url}: cannot be fetched: the server cannot be reached" in listed.stderr
    assert f"(pod {WEB} goes on as it was)" in listed.stderr
    assert container_ids(daemon.pods(), WEB) == before
    site.up()
    site.status, site.headers = 200, {}
    site.say(pod("web"))
    wait_for_problems(daemon)
    assert container_ids(daemon.pods(), WEB) == before
    told = [event["message"] for event in daemon.events() if event["involvedObject"]["name"] == site.url]
    assert any("500 Internal Server Error" in message for message in told)
    assert PIN not in json.dumps(daemon.events()) + daemon.journal.read_text()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_pods_go_on_when_the_daemon_comes_back_and_the_server_does_not(site: Website, asking: Made, end: str) -> None:
    site.say(pod("web"), pod("other"))
    daemon = asking()
    daemon.start()
    pods = daemon.wait_running(WEB, OTHER)
    before = [container_ids(pods, name) for name in (WEB, OTHER)]
    broken = pod("other")
    broken["spec"]["containers"][0]["imagee"] = "x"
    site.say(pod("web"), broken)
    wait_for_problems(daemon, "unknown field")
    daemon.stop() if end == "stop" else daemon.kill()
    site.down()
    daemon.start()
    wait_for_problems(daemon, "cannot be fetched: the server cannot be reached", "unknown field")
    pods = daemon.wait_running(WEB, OTHER)
    assert [container_ids(pods, name) for name in (WEB, OTHER)] == before
    site.say(pod("web"))
    site.up()
    daemon.wait_gone(OTHER)
    assert container_ids(daemon.pods(), WEB) == before[0]


def test_after_a_reboot_the_pods_start_from_what_was_said_last(site: Website, asking: Made) -> None:
    site.say(pod("web"))
    daemon = asking()
    daemon.start()
    uid = daemon.wait_running(WEB)[WEB]["metadata"]["uid"]
    site.say()
    daemon.wait_gone(WEB)
    site.say(pod("web"))
    daemon.wait_running(WEB)
    (saved,) = daemon.state.glob("manifests-of-url.json")
    assert saved.stat().st_mode & 0o777 == 0o600
    kept = saved.read_bytes()
    site.say()
    daemon.wait_gone(WEB)
    daemon.stop()
    site.down()
    saved.write_bytes(kept)  # nothing runs, and this is what is known: as after a reboot
    daemon.start()
    assert daemon.wait_running(WEB)[WEB]["metadata"]["uid"] == uid


def test_tls_with_an_authority_of_its_own_and_headers_of_a_file(new_daemon: Made, tmp_path: Path) -> None:
    authority, other = make_authority(tmp_path / "ours"), make_authority(tmp_path / "other")
    headers = tmp_path / "headers"
    headers.write_text(f"Authorization: Bearer {PIN}\n")
    ca = tmp_path / "ca.pem"
    ca.write_bytes(other.ca.read_bytes())
    with website(authority.server_side()) as site:
        site.say(pod("web"))
        settings = {"url": site.url, "urlInterval": "1s", "urlCaFile": str(ca), "urlHeadersFile": str(headers)}
        daemon = new_daemon(manifests=settings)
        daemon.start()
        wait_for_problems(daemon, "the server's certificate is not trusted")
        assert site.asked == []
        (tmp_path / "new").write_bytes(authority.ca.read_bytes())
        (tmp_path / "new").rename(ca)
        daemon.wait_running(WEB)
        wait_for_problems(daemon)
        headers.write_text("X-Token: other\n")
        site.until_asked(more=1)
        assert [asked[1].get("X-Token") for asked in site.until_asked(more=1)] == ["other"]
        assert site.asked[0][1]["Authorization"] == f"Bearer {PIN}"
        assert PIN not in daemon.journal.read_text()
        site.say()
        daemon.wait_gone(WEB)


def test_of_a_directory_and_the_url_the_directory_has_its_way(site: Website, asking: Made, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    site.say(pod("web", f"echo url; {FOREVER}"))
    daemon = asking(directories=[str(more)])
    (more / "a.yaml").write_text(json.dumps(pod("web", f"echo more; {FOREVER}")))
    daemon.start()
    wait_running_from(daemon, "more")
    (problem,) = wait_for_problems(daemon, f"is in {more}/a.yaml already, which comes first and runs")
    assert problem["file"] == site.url
    daemon.drop("z.yaml", json.dumps(pod("web", f"echo first; {FOREVER}")))
    wait_for_problems(daemon, f"is in {daemon.manifests}/z.yaml already", f"is in {daemon.manifests}/z.yaml already")
    before = wait_running_from(daemon, "first")
    daemon.restart()
    assert wait_running_from(daemon, "first") == before
    more.rename(tmp_path / "away")
    daemon.remove("z.yaml")
    wait_for_problems(
        daemon, "cannot be read: no such file or directory: make it, or remove it", f"is in {more}/a.yaml already"
    )
    wait_running_from(daemon, "more")
    more.mkdir()
    wait_running_from(daemon, "url")
    assert daemon.problems() == []


def wait_running_from(daemon: Daemon, source: str) -> list[str]:
    """The ids of the pod's containers, as soon as it is the one of this source."""

    def runs(pods: Mapping[str, Any]) -> bool:
        return (
            WEB in pods and f"echo {source};" in pods[WEB]["spec"]["containers"][0]["command"][2] and all_run(pods[WEB])
        )

    return container_ids(daemon.wait_for(runs, what=f"the pod of {source}"), WEB)


def test_a_secret_is_told_to_nobody(site: Website, asking: Made) -> None:
    broken = {**SECRET, "metadata": {"name": "broken"}, "stringData": {"pin": PIN, "p/in": PIN, "number": 421337}}
    site.say(broken, SECRET)
    daemon = asking()
    daemon.drop("keys.yaml", json.dumps(SECRET))
    daemon.start()
    wait_for_problems(
        daemon,
        '"p/in" must be a key',
        "must be a string, put it in quotes",
        f'the Secret "default/keys" is in {daemon.manifests}/keys.yaml already, which comes first and counts',
    )
    told = json.dumps([daemon.problems(), daemon.events()]) + daemon.journal.read_text()
    told += "".join(daemon.cli(*command).stderr for command in (("get", "pods"), ("validate", str(daemon.manifests))))
    assert PIN not in told
    assert "421337" not in told
