"""The bill of materials of the controller's image: CycloneDX 1.6, from what is in it and what the lock allows.

    python .ci/sbom.py --archive image.tar > sbom.cdx.json        as `docker save` and tests/cluster/image write it

Python packages are read from their own metadata in the image, Debian's from dpkg's database. Fails when a package is in
the image that the lock does not name in that version: the lock would not be what was installed. The same image makes
the same bytes.
"""

import argparse
import email.parser
import hashlib
import json
import re
import sys
import tarfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
OURS = "stagewright"
METADATA = re.compile(r"opt/stagewright/lib/python3\.\d+/site-packages/[^/]+\.dist-info/METADATA")
DPKG = "var/lib/dpkg/status"
RELEASE = "usr/lib/os-release"
OPAQUE = ".wh..wh..opq"  # nothing of the folder's lower layers is seen
_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562, appendix A: names that are URLs


class BillError(Exception):
    """The image is not what the lock says, or no image."""


def files_of(archive: Path) -> dict[str, bytes]:
    """The files of the image that say what is installed, as the topmost layer has them."""
    found: dict[str, bytes] = {}
    with tarfile.open(archive) as outer:
        manifest = outer.extractfile("manifest.json")
        if manifest is None:
            raise BillError(f"{archive} holds no image")
        for layer in json.load(manifest)[0]["Layers"]:
            content = outer.extractfile(layer)
            with tarfile.open(fileobj=content, mode="r:*") as inner:
                for member in inner:
                    path = member.name.removeprefix("./").removeprefix("/")
                    folder, _, name = path.rpartition("/")
                    if name.startswith(".wh."):
                        gone = folder if name == OPAQUE else f"{folder}/{name.removeprefix('.wh.')}"
                        found = {kept: text for kept, text in found.items() if not f"{kept}/".startswith(f"{gone}/")}
                    elif member.isfile() and (path in (DPKG, RELEASE) or METADATA.fullmatch(path)):
                        opened = inner.extractfile(member)
                        found[path] = opened.read() if opened else b""
    return found


def config_of(archive: Path) -> dict[str, Any]:
    """The image's own configuration: its labels, when it was created, its layers."""
    with tarfile.open(archive) as outer:
        manifest = outer.extractfile("manifest.json")
        name = json.load(manifest)[0]["Config"] if manifest else ""
        content = outer.extractfile(name)
        config: dict[str, Any] = json.load(content) if content else {}
        return config


def locked(requirements: str) -> dict[str, str]:
    """Name to version, as a lock pins them: `pygit2==1.21.0`, and its hashes below."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", requirements, re.MULTILINE)
    return {canonical(name): version for name, version in pins}


def canonical(name: str) -> str:
    """A package's name in its one spelling (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_packages(files: Mapping[str, bytes], pins: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A component for each distribution in the environment."""
    for path in sorted(files):
        if not METADATA.fullmatch(path):
            continue
        metadata = email.parser.BytesParser().parsebytes(files[path], headersonly=True)
        name, version = canonical(metadata["Name"]), metadata["Version"]
        if name == OURS:
            continue
        if pins.get(name) != version:
            raise BillError(f"{name} {version} is in the image, and the lock names {pins.get(name, 'no such package')}")
        component = {"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{quote(version)}"}
        expression = metadata.get("License-Expression")
        if expression:
            component["licenses"] = [{"expression": expression}]
        yield component


def debian_packages(status: str, release: str) -> Iterator[dict[str, Any]]:
    """A component for each package that dpkg knows to be installed."""
    named = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    distribution = f"{named.get('ID', 'debian')}-{named.get('VERSION_ID', '')}".replace('"', "").rstrip("-")
    for paragraph in sorted(status.split("\n\n")):
        fields = email.parser.Parser().parsestr(paragraph, headersonly=True)
        if fields["Status"] != "install ok installed":
            continue
        name, version, architecture = fields["Package"], fields["Version"], fields["Architecture"]
        purl = f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro={distribution}"
        yield {"type": "library", "name": name, "version": version, "purl": purl}


def bill(archive: Path, requirements: str) -> dict[str, Any]:
    """The whole document."""
    files, config = files_of(archive), config_of(archive)
    if DPKG not in files:
        raise BillError(f"{archive} holds no Debian: {DPKG} is not there")
    pins = locked(requirements)
    components = [
        *python_packages(files, pins),
        *debian_packages(files[DPKG].decode(), files.get(RELEASE, b"").decode()),
    ]
    for component in components:
        component["bom-ref"] = component["purl"]
    labels = config["config"].get("Labels") or {}
    version = labels.get("org.opencontainers.image.version", "0")
    digest = hashlib.sha256(json.dumps(config["rootfs"], sort_keys=True).encode()).hexdigest()
    itself = {
        "type": "container",
        "bom-ref": OURS,
        "name": OURS,
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, f'https://stagewright.dev/image/{digest}')}",
        "version": 1,
        "metadata": {"timestamp": config["created"], "component": itself},
        "components": components,
        "dependencies": [{"ref": OURS, "dependsOn": [each["bom-ref"] for each in components]}],
    }


def main() -> int:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, required=True)
    parser.add_argument("--lock", type=Path, default=ROOT / "requirements" / "image.txt")
    given = parser.parse_args()
    try:
        whole = bill(given.archive, given.lock.read_text())
    except BillError as error:
        print(f"no bill of materials: {error}", file=sys.stderr)
        return 1
    print(json.dumps(whole, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
