"""The images of the demo and the tests, busybox and nginx, built from Debian's packages of the same names.

They stand in for those of docker.io: same commands, ports and stop signals, a log directory at the same place.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.debian import unpack, with_libraries
from lab.layout import Layer, write_layout
from lab.place import CACHE, LabError, command

SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
"""
_GROUP = "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nnogroup:x:65534:\n"
_SITE = """\
server {
    listen 80;
    root /usr/share/nginx/html;
    index index.html;
}
"""


def busybox(work: Path) -> tuple[list[Layer], dict[str, Any]]:
    """A shell and its tools in one static program."""
    return [_account_files(work), _shell(work)], {"Env": [SEARCH_PATH], "Cmd": ["sh"]}


def nginx(work: Path) -> tuple[list[Layer], dict[str, Any]]:
    """nginx that serves its welcome page on port 80 and logs to /var/log/nginx."""
    server = work / "nginx"
    packages = with_libraries("nginx-light", prefixes=("lib", "nginx", "zlib"))
    libraries = work / "libraries"
    unpack([package for package in packages if not package.startswith(("nginx", "libnginx"))], libraries)
    unpack([package for package in packages if package.startswith(("nginx", "libnginx"))], server)
    layers = [
        _account_files(work),
        _shell(work),
        Layer(root=libraries, comment="the libraries of Debian's nginx-light"),
        Layer(root=server, comment="Debian's nginx-light"),
        _site(work),
    ]
    config = {
        "Env": [SEARCH_PATH],
        "Cmd": ["nginx", "-g", "daemon off;"],
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGQUIT",
    }
    return layers, config


def _account_files(work: Path) -> Layer:
    root = work / "accounts"
    for directory in ("dev", "etc", "proc", "root", "run", "sys", "tmp", "var/log", "var/tmp"):
        (root / directory).mkdir(parents=True)
    for directory in ("tmp", "var/tmp"):
        (root / directory).chmod(0o1777)
    (root / "etc/passwd").write_text(_PASSWD)
    (root / "etc/group").write_text(_GROUP)
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    return Layer(root=root, comment="accounts and empty directories")


def _shell(work: Path) -> Layer:
    root = work / "busybox"
    unpack(["busybox-static"], root)
    for applet in command([root / "bin/busybox", "--list-full"]).split():
        path = root / applet
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() and not path.is_symlink():
            path.symlink_to("/bin/busybox")
    return Layer(root=root, comment="Debian's busybox-static with its applets as links")


def _site(work: Path) -> Layer:
    """The site that this image serves; a whiteout takes Debian's own away."""
    root = work / "site"
    (root / "etc/nginx/conf.d").mkdir(parents=True)
    (root / "etc/nginx/conf.d/default.conf").write_text(_SITE)
    (root / "etc/nginx/sites-enabled").mkdir()
    (root / "etc/nginx/sites-available").mkdir()
    (root / "etc/nginx/sites-available/.wh.default").touch()
    return Layer(root=root, comment="one site that serves the welcome page")


IMAGES: dict[str, Callable[[Path], tuple[list[Layer], dict[str, Any]]]] = {"busybox": busybox, "nginx": nginx}


def layout(name: str) -> Path:
    """The OCI layout (tag `latest`) of an image, built when this source has changed or the cache is gone."""
    if name not in IMAGES:
        raise LabError(f'no image "{name}" can be built here, only {" and ".join(IMAGES)}')
    sources = b"".join(Path(__file__).with_name(each).read_bytes() for each in ("images.py", "layout.py", "debian.py"))
    directory = CACHE / "images" / f"{name}-{hashlib.sha256(sources).hexdigest()[:12]}"
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            _build(name, directory)
    return directory


def _build(name: str, directory: Path) -> None:
    for old in directory.parent.glob(f"{name}-*"):
        shutil.rmtree(old)
    architecture = command(["dpkg", "--print-architecture"]).strip()
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".build-") as work:
        layers, config = IMAGES[name](Path(work))
        fresh = Path(work) / "layout"
        write_layout(fresh, layers, config=config, architecture=architecture)
        fresh.rename(directory)
