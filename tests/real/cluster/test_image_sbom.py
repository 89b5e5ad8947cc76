"""The bill of materials of the image that was really built."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cyclonedx import flaws

SCRIPT = Path(__file__).parents[3] / ".ci" / "sbom.py"


def test_bill_of_the_built_image_names_what_the_controller_needs_and_fits_the_schema(image_archive: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--archive", str(image_archive)]
    bill = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert flaws(bill) == []
    names = {component["purl"].partition("@")[0] for component in bill["components"]}
    needed = {
        "pkg:pypi/mlflow-skinny",
        "pkg:pypi/pygit2",
        "pkg:pypi/kubernetes",
        "pkg:pypi/boto3",
        "pkg:deb/debian/libc6",
    }
    assert needed - names == set()
    assert {"pkg:pypi/mlflow", "pkg:pypi/pip", "pkg:deb/debian/gcc", "pkg:deb/debian/git"} & names == set()
