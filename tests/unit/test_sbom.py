"""The image's bill of materials: what is in the image, held against the lock and against CycloneDX's schema."""

import importlib.util
import io
import json
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.cyclonedx import flaws

SITE = "opt/stagewright/lib/python3.12/site-packages"
STATUS = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.17-1~deb12u2

Package: perl
Status: deinstall ok config-files
Architecture: amd64
Version: 5.36.0-7
"""
RELEASE = 'ID=debian\nVERSION_ID="12"\n'
LOCK = "pygit2==1.21.0 \\\n    --hash=sha256:00\nrfc8785==0.1.4 \\\n    --hash=sha256:11\n"
PLAIN = {
    "var/lib/dpkg/status": STATUS,
    "usr/lib/os-release": RELEASE,
    f"{SITE}/pygit2-1.21.0.dist-info/METADATA": "Name: pygit2\nVersion: 1.21.0\nLicense-Expression: Apache-2.0\n\nText",
    f"{SITE}/stagewright-0.1.0.dist-info/METADATA": "Name: stagewright\nVersion: 0.1.0\n",
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`.ci/sbom.py`."""
    path = Path(__file__).parents[2] / ".ci" / "sbom.py"
    spec = importlib.util.spec_from_file_location("sbom", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def image(tmp_path: Path, *layers: dict[str, str]) -> Path:
    """An archive, as `docker save` writes it, with these files in its layers."""
    config = {
        "created": "2026-11-01T10:00:00Z",
        "config": {"Labels": {"org.opencontainers.image.version": "0.1.0"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{number:064x}" for number, _ in enumerate(layers)]},
    }
    names = [f"{number}.tar" for number, _ in enumerate(layers)]
    parts = {"config.json": json.dumps(config).encode()}
    parts["manifest.json"] = json.dumps([{"Config": "config.json", "Layers": names}]).encode()
    for name, files in zip(names, layers, strict=True):
        parts[name] = tar({path: text.encode() for path, text in files.items()})
    archive = tmp_path / "image.tar"
    archive.write_bytes(tar(parts))
    return archive


def tar(files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return written.getvalue()


def purls(bill: dict[str, Any]) -> list[str]:
    return [component["purl"] for component in bill["components"]]


def test_bill_of_an_image_names_what_is_installed_and_fits_the_schema(script: ModuleType, tmp_path: Path) -> None:
    bill = script.bill(image(tmp_path, PLAIN), LOCK)
    assert purls(bill) == [
        "pkg:pypi/pygit2@1.21.0",
        "pkg:deb/debian/libssl3@3.0.17-1~deb12u2?arch=amd64&distro=debian-12",
    ]
    assert bill["metadata"]["component"]["version"] == "0.1.0"
    assert flaws(bill) == []


def test_bill_of_the_same_image_is_the_same(script: ModuleType, tmp_path: Path) -> None:
    archive = image(tmp_path, PLAIN)
    assert script.bill(archive, LOCK) == script.bill(archive, LOCK)


@pytest.mark.parametrize(
    "whiteout",
    [
        pytest.param(f"{SITE}/pygit2-1.21.0.dist-info/.wh.METADATA", id="file"),
        pytest.param(f"{SITE}/.wh.pygit2-1.21.0.dist-info", id="folder"),
        pytest.param(f"{SITE}/.wh..wh..opq", id="opaque"),
    ],
)
def test_bill_follows_the_topmost_layer(script: ModuleType, tmp_path: Path, whiteout: str) -> None:
    upper = {
        whiteout: "",
        f"{SITE}/rfc8785-0.1.4.dist-info/METADATA": "Name: rfc8785\nVersion: 0.1.4\n",
        "var/lib/dpkg/status": STATUS.replace("12u2", "12u3"),
    }
    assert purls(script.bill(image(tmp_path, PLAIN, upper), LOCK)) == [
        "pkg:pypi/rfc8785@0.1.4",
        "pkg:deb/debian/libssl3@3.0.17-1~deb12u3?arch=amd64&distro=debian-12",
    ]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        pytest.param(
            "Name: pygit2\nVersion: 1.20.0\n", "pygit2 1.20.0 is in the image, and the lock names 1.21.0", id="old"
        ),
        pytest.param(
            "Name: left_pad\nVersion: 1.0\n", "left-pad 1.0 is in the image, and the lock names no", id="unknown"
        ),
    ],
)
def test_bill_of_what_the_lock_does_not_name_is_refused(
    script: ModuleType, tmp_path: Path, metadata: str, message: str
) -> None:
    files = {**PLAIN, f"{SITE}/other.dist-info/METADATA": metadata}
    with pytest.raises(script.BillError, match=message):
        script.bill(image(tmp_path, files), LOCK)


def test_bill_of_an_image_without_a_package_database_is_refused(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(script.BillError, match="holds no Debian"):
        script.bill(image(tmp_path, {"etc/hostname": "x"}), LOCK)


def test_schema_refuses_a_component_without_a_name(script: ModuleType, tmp_path: Path) -> None:
    bill = script.bill(image(tmp_path, PLAIN), LOCK)
    del bill["components"][0]["name"]
    assert flaws(bill) == ["components/0: 'name' is a required property"]
