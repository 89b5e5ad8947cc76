"""What is made from, or for, the Helm chart: `python .ci/chart.py crds|manifests|readme [--check]`.

crds        the chart's copies of manifests/crds (part of `make generate`; needs nothing)
manifests   manifests/install, the chart's defaults as plain YAML (needs Helm: $HELM, or helm on the PATH)
readme      the chart's README.md, as helm-docs prints it ($HELM_DOCS, or helm-docs on the PATH)
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts/stagewright"
NAMESPACE = "stagewright"
# kept in manifests/crds
VALUES = ("crds.install=false", "ledger.volume.keep=false", "tests.enabled=false")
NAMESPACE_YAML = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    # the strictest of the three levels; everything here is content with it
    pod-security.kubernetes.io/enforce: restricted
"""


def crds() -> dict[Path, str]:
    """The chart's copies of the CRDs."""
    return {
        CHART / "files/crds" / path.name: path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "manifests/crds").glob("*.yaml"))
    }


def manifests() -> dict[Path, str]:
    """The install as plain YAML, one file for each template, and the kustomizations that hold it together."""
    folder = ROOT / "manifests/install"
    files = {"namespace.yaml": NAMESPACE_YAML}
    with tempfile.TemporaryDirectory() as scratch:
        command = [os.environ.get("HELM", "helm"), "template", "stagewright", CHART, "--namespace", NAMESPACE]
        settings = [part for value in VALUES for part in ("--set", value)]
        subprocess.run([*command, *settings, "--output-dir", scratch], check=True, stdout=subprocess.DEVNULL)
        for path in sorted(Path(scratch, "stagewright/templates").glob("*.yaml")):
            files[path.name] = _plain(path.read_text(encoding="utf-8"))
    listed = "".join(f"- {name}\n" for name in ("namespace.yaml", *sorted(set(files) - {"namespace.yaml"})))
    head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    made = "# Made from charts/stagewright by `make manifests`.\n"
    whole = "".join(f"- crds/{path.name}\n" for path in sorted((ROOT / "manifests/crds").glob("*.yaml")))
    return {
        **{folder / name: made + text for name, text in files.items()},
        folder / "kustomization.yaml": made + head + listed,
        ROOT / "manifests/kustomization.yaml": made + head + whole + "- install\n",
    }


def _plain(text: str) -> str:
    """A rendered template without what only Helm reads: no hooks, no labels of a release that does not exist."""
    text = re.sub(r"(?m)^# Source: .*\n", "", text)
    text = re.sub(r"(?m)^ *(helm\.sh/\S+|app\.kubernetes\.io/managed-by): .*\n", "", text)
    text = re.sub(r"(?m)^  annotations:\n(?!    )", "", text)
    documents = [document.strip("\n") for document in re.split(r"(?m)^---\n", text)]
    return "---\n".join(f"{document}\n" for document in documents if document)


def readme() -> dict[Path, str]:
    """The chart's README."""
    command = [os.environ.get("HELM_DOCS", "helm-docs"), "--dry-run", "--sort-values-order", "file"]
    done = subprocess.run([*command, "--chart-search-root", CHART], check=True, capture_output=True, text=True)
    return {CHART / "README.md": done.stdout.rstrip("\n") + "\n"}


MAKERS = {
    "crds": (crds, "make generate"),
    "manifests": (manifests, "make manifests"),
    "readme": (readme, "make manifests"),
}
FOLDERS = {"crds": CHART / "files/crds", "manifests": ROOT / "manifests/install"}


def main() -> int:
    """Write the files; with --check only compare, and answer 1 when one is stale, missing or too many."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=MAKERS)
    parser.add_argument("--check", action="store_true", help="compare only; exit code 1 when something differs")
    arguments = parser.parse_args()
    make, target = MAKERS[arguments.what]
    wanted = make()
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    folder = FOLDERS.get(arguments.what)
    surplus = [path for path in sorted(folder.glob("*.yaml")) if path not in wanted] if folder else []
    if arguments.check:
        for path in (*stale, *surplus):
            print(
                f"{path.relative_to(ROOT)} is not what it is made from: run `{target}` and commit it", file=sys.stderr
            )
        return 1 if stale or surplus else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in surplus:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
