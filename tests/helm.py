"""Renders the chart with a real Helm, and finds things in what comes out."""

import functools
import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.processes import built

ROOT = Path(__file__).parents[1]
CHART = ROOT / "charts/stagewright"
HELMS = ("helm", "helm3")
KUBERNETES = "1.37.2"
Object = dict[str, Any]


@functools.cache
def programs() -> Path:
    """The folder of Helm 3 and 4 and helm-docs, built where they are missing."""
    return built()


def values(*given: Mapping[str, object]) -> Object:
    """Values by dotted path (`image.tag`), as the tree that Helm reads; later ones win."""
    tree: Object = {}
    for path, value in [item for each in given for item in each.items()]:
        *folders, last = path.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return tree


def template(
    tree: Mapping[str, object],
    *options: str,
    helm: str = "helm",
    release: str = "stagewright",
    namespace: str = "ml",
    chart: Path = CHART,
) -> subprocess.CompletedProcess[str]:
    """What `helm template` says, and how it ends."""
    command = [programs() / helm, "template", release, chart, "--namespace", namespace, "--values", "-"]
    # without one, each Helm takes the version that it was built for
    command += ["--kube-version", KUBERNETES, *options]
    return subprocess.run(command, input=json.dumps(tree), capture_output=True, text=True, check=False)


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects of one rendering."""

    objects: tuple[Object, ...]

    def all(self, kind: str, name: str | None = None) -> list[Object]:
        return [o for o in self.objects if o["kind"] == kind and name in {None, o["metadata"]["name"]}]

    def one(self, kind: str, name: str | None = None) -> Object:
        [found] = self.all(kind, name)
        return found

    @property
    def deployment(self) -> Object:
        return self.one("Deployment")

    @property
    def pod(self) -> Object:
        """The controller's pod."""
        return self.deployment["spec"]["template"]["spec"]

    @property
    def container(self) -> Object:
        return self.pod["containers"][0]

    @property
    def job(self) -> Object:
        """The pod of the Job that makes the keys."""
        return self.one("Job")["spec"]["template"]["spec"]

    @property
    def test(self) -> Object:
        """The pod of `helm test`."""
        return self.one("Pod")["spec"]

    @property
    def env(self) -> dict[str, str]:
        return {each["name"]: each.get("value", "") for each in self.container["env"]}

    def flag(self, name: str) -> str | None:
        """The value of a flag of the controller; the empty text for one without a value."""
        for argument in self.container["args"]:
            flag, _, value = argument.partition("=")
            if flag == name:
                return value
        return None

    def pods(self) -> Iterator[Object]:
        """Every pod: the controller's, the Job's, the test's."""
        yield from (self.pod, self.job, self.test)


def render(
    tree: Mapping[str, object], *options: str, helm: str = "helm", release: str = "stagewright", namespace: str = "ml"
) -> Rendered:
    """The objects that a chart with these values makes."""
    done = template(tree, *options, helm=helm, release=release, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return Rendered(tuple(o for o in yaml.safe_load_all(done.stdout) if o))


def refusal(tree: Mapping[str, object], *, helm: str = "helm") -> str:
    """What Helm says to values that are refused."""
    done = template(tree, helm=helm)
    assert done.returncode != 0, "it was taken"
    assert done.stdout == ""
    return done.stderr


def leaves(tree: Mapping[str, Any], schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The dotted path of every value that can be set: where the schema knows the fields, each of them."""
    for name, value in tree.items():
        here = f"{path}.{name}" if path else name
        inner = schema["properties"][name]
        if isinstance(value, dict) and "properties" in inner:
            yield from leaves(value, inner, here)
        else:
            yield here
