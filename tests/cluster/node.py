"""A real Kubernetes of one node: etcd, API server, controller manager, scheduler, kubelet, kube-proxy, containerd.

    python -m tests.cluster up FOLDER          nothing is done when that cluster runs already
    FOLDER/enter kubectl get pods -A           any program, as it were on the node: also pytest, helm, mlflow server
    python -m tests.cluster down FOLDER        harmless when there is none

As root, of what `build` beside this file made, in a network namespace of its own: nothing outside of the machine can be
reached from it, and two clusters never see each other. Pods reach what listens on ADDRESS in that namespace.

Not there: DNS, a provisioner of volumes (see `offer_volume`), network policies that act, metrics of nodes.
"""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.cluster.archive import write_image
from tests.cluster.processes import (
    ClusterError,
    ToolMissingError,
    command_lines,
    kill,
    program_of,
    run,
    succeeds,
    with_descendants,
)
from tests.cluster.settings import ADDRESS, PAUSE, SERVICE_ADDRESS, SERVICES, cni, containerd, kubelet

START_TIMEOUT_S = 90.0
POLL_S = 0.25
NODE = "node0"


class Node:
    """The cluster whose files lie in `folder`; the path has to be short, since sockets lie in it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder.absolute()
        self.programs = programs
        self.name = f"stagewright-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]}"
        self.namespace = Path("/var/run/netns") / self.name
        self.kubeconfig = self.folder / "admin.kubeconfig"
        self.socket = self.folder / "containerd.sock"

    # -- up

    def start(self) -> None:
        """Return when its node is ready. After an error nothing is left of it."""
        for program in ("ip", "nsenter", "openssl", "iptables"):
            if shutil.which(program) is None:
                raise ToolMissingError(f"no cluster can be started here: {program} is not installed")
        if os.geteuid() != 0:
            raise ToolMissingError("no cluster can be started here: that takes root")
        if not Path("/usr/lib/cni/bridge").exists():
            raise ToolMissingError("no cluster can be started here: the CNI plugins are not in /usr/lib/cni")
        self.folder.mkdir(mode=0o755)
        try:
            self._make_network()
            self._make_certificates()
            self._start_control_plane()
            self._start_node()
        except BaseException as error:
            # whoever ended it wants no logs
            if isinstance(error, Exception):
                self._say_logs()
            self.stop()
            raise

    def _make_network(self) -> None:
        """The namespace, with one address that is neither loopback nor a pod's: one end of a pair of its own."""
        run("ip", "netns", "add", self.name)
        for words in (
            "link set lo up",
            "link add node0 type veth peer name node0-end",
            "link set node0-end up",
            f"addr add {ADDRESS}/24 dev node0",
            "link set node0 up",
            "route add default dev node0",
        ):
            run("ip", "-n", self.name, *words.split())

    def _make_certificates(self) -> None:
        keys = self.folder / "keys"
        keys.mkdir(mode=0o700)
        new = ("openssl", "req", "-x509", "-nodes", "-days", "2", "-newkey", "rsa:2048")
        run(*new, "-subj", "/CN=cluster", "-keyout", str(keys / "ca.key"), "-out", str(keys / "ca.crt"))
        names = f"IP:127.0.0.1,IP:{ADDRESS},IP:{SERVICE_ADDRESS},DNS:kubernetes.default.svc"
        run(
            *new, "-subj", "/CN=kube-apiserver", "-CA", str(keys / "ca.crt"), "-CAkey", str(keys / "ca.key"),
            "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE",
            "-keyout", str(keys / "api.key"), "-out", str(keys / "api.crt"),
        )  # fmt: skip
        run("openssl", "genrsa", "-out", str(keys / "accounts.key"), "2048")
        run("openssl", "rsa", "-in", str(keys / "accounts.key"), "-pubout", "-out", str(keys / "accounts.pub"))
        users = {
            "admin": ("admin", "system:masters"),
            "manager": ("system:kube-controller-manager", ""),
            "scheduler": ("system:kube-scheduler", ""),
            "kubelet": (f"system:node:{NODE}", "system:nodes"),
            "proxy": ("system:kube-proxy", ""),
        }
        lines = []
        for number, (file, (user, groups)) in enumerate(users.items()):
            token = secrets.token_hex(16)
            lines.append(",".join(filter(None, (token, user, str(number), groups))))
            self._write_kubeconfig(self.folder / f"{file}.kubeconfig", token)
        (keys / "tokens.csv").write_text("\n".join(lines) + "\n")

    def _write_kubeconfig(self, file: Path, token: str) -> None:
        authority = b64encode((self.folder / "keys" / "ca.crt").read_bytes()).decode()
        cluster = {"server": f"https://{ADDRESS}:6443", "certificate-authority-data": authority}
        whole = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": "user", "user": {"token": token}}],
            "contexts": [{"name": "only", "context": {"cluster": self.name, "user": "user"}}],
            "current-context": "only",
        }
        file.touch(mode=0o600)
        file.write_text(json.dumps(whole))

    def _start_control_plane(self) -> None:
        keys = self.folder / "keys"
        self._launch(
            "etcd", "--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
            "--listen-peer-urls", "http://127.0.0.1:2380",
        )  # fmt: skip
        self._launch(
            "kube-apiserver", "--etcd-servers", "http://127.0.0.1:2379",
            "--bind-address", "0.0.0.0", "--advertise-address", ADDRESS, "--service-cluster-ip-range", SERVICES,
            "--tls-cert-file", str(keys / "api.crt"), "--tls-private-key-file", str(keys / "api.key"),
            "--client-ca-file", str(keys / "ca.crt"), "--token-auth-file", str(keys / "tokens.csv"),
            "--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction",
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", str(keys / "accounts.pub"),
            "--service-account-signing-key-file", str(keys / "accounts.key"),
            "--allow-privileged=true", "--kubelet-preferred-address-types", "InternalIP",
        )  # fmt: skip
        self._until("the API server answers", lambda: self._asks("get", "--raw", "/readyz"))
        self._launch(
            "kube-controller-manager", "--kubeconfig", str(self.folder / "manager.kubeconfig"),
            "--root-ca-file", str(keys / "ca.crt"), "--service-account-private-key-file", str(keys / "accounts.key"),
            "--use-service-account-credentials", "--leader-elect=false",
        )  # fmt: skip
        self._launch(
            "kube-scheduler", "--kubeconfig", str(self.folder / "scheduler.kubeconfig"), "--leader-elect=false"
        )

    def _start_node(self) -> None:
        self.kubectl(
            "create", "clusterrolebinding", "kube-proxy", "--clusterrole=system:node-proxier",
            "--user=system:kube-proxy",
        )  # fmt: skip
        for name in ("cni", "kubelet"):
            (self.folder / name).mkdir()
        (self.folder / "cni" / "10-pods.conflist").write_text(cni(self.name, self.folder))
        (self.folder / "containerd.toml").write_text(containerd(self.folder))
        (self.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")
        (self.folder / "kubelet.json").write_text(kubelet(self.folder))
        self._launch("containerd", "--config", str(self.folder / "containerd.toml"))
        self._until("containerd answers", lambda: succeeds(*self._ctr("version")))
        archive = self.folder / "pause.tar"
        write_image(archive, PAUSE, self.programs / "pause")
        self.load(archive)
        self._launch(
            "kubelet", "--config", str(self.folder / "kubelet.json"),
            "--kubeconfig", str(self.folder / "kubelet.kubeconfig"), "--hostname-override", NODE, "--node-ip", ADDRESS,
            "--root-dir", str(self.folder / "kubelet"), "--cert-dir", str(self.folder / "kubelet" / "pki"),
        )  # fmt: skip
        self._launch(
            "kube-proxy", "--kubeconfig", str(self.folder / "proxy.kubeconfig"), "--hostname-override", NODE,
            "--proxy-mode", "iptables", "--conntrack-max-per-core", "0", "--bind-address", ADDRESS,
        )  # fmt: skip
        self._until("the node is there", lambda: self._asks("get", "node", NODE))
        self.kubectl("wait", "--for=condition=Ready", f"node/{NODE}", "--timeout=60s")
        # pods are refused until their namespace has its account
        account = ("-n", "default", "get", "serviceaccount", "default")
        self._until("the default account is there", lambda: self._asks(*account))
        self._write_enter()

    def _write_enter(self) -> None:
        """A script that runs any program on the node; it is written last, so that its being there says ready."""
        script = self.folder / "enter"
        script.write_text(
            "#!/bin/sh\n# runs a program in this cluster's network, with its kubeconfig\n"
            f"exec nsenter --net={self.namespace} env 'PATH={self.programs}:'\"$PATH\" KUBECONFIG={self.kubeconfig}"
            f' STAGEWRIGHT_CLUSTER={self.folder} "$@"\n'
        )
        script.chmod(0o755)

    # -- use

    def kubectl(self, *arguments: str) -> str:
        """What the administrator's kubectl prints; ClusterError when it fails."""
        return run(*self._inside(), str(self.programs / "kubectl"), "--kubeconfig", str(self.kubeconfig), *arguments)

    def load(self, archive: Path) -> None:
        """Give the node an image, as `docker save` or `image` beside this file writes it."""
        run(*self._ctr("-n", "k8s.io", "images", "import", str(archive)))

    def offer_volume(self, name: str) -> Path:
        """One persistent volume for the next claim of the class `local`; the folder that it is, on this machine."""
        place = self.folder / "volumes" / name
        place.mkdir(parents=True)
        affinity = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": {"storage": "10Gi"},
                "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "local",
                "local": {"path": str(place)},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [affinity]}]}},
            },
        }
        file = place.with_suffix(".json")
        file.write_text(json.dumps(volume))
        self.kubectl("create", "-f", str(file))
        return place

    def is_ready(self) -> bool:
        """Whether all of it came up, and its node says that it is ready."""
        ready = '{.status.conditions[?(@.type=="Ready")].status}'
        with suppress(ClusterError):
            return (self.folder / "enter").exists() and self.kubectl(
                "get", "node", NODE, "-o", f"jsonpath={ready}"
            ) == "True"
        return False

    # -- down

    def stop(self) -> None:
        """End all of it, whatever state it is in: containers, processes by their ids, mounts, network, files.

        Nothing of it is kept, so nothing is asked to finish first. Whoever calls is outside of its network.
        """
        # first who would start again what is ended
        kill([process for process in self.inhabitants() if program_of(process).startswith("kube")])
        tasks: list[str] = []
        if self.socket.exists():
            with suppress(ClusterError):
                tasks = run(*self._ctr("-n", "k8s.io", "tasks", "list", "-q")).split()
        for task in tasks:
            succeeds(*self._ctr("-n", "k8s.io", "tasks", "rm", "-f", task))
        kill(with_descendants(self.inhabitants()))
        for place in self._mounts():
            succeeds("umount", "--lazy", place)
        if self.namespace.exists():
            succeeds("ip", "netns", "del", self.name)
        results = [file for task in tasks for file in Path("/var/lib/cni/results").glob(f"*-{task}-*")]
        for left in (*results, *self._log_links()):
            left.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def left_behind(self) -> list[str]:
        """What can still be seen of it after `stop`: nothing, or a word for each."""
        places = {
            "folder": self.folder.exists(),
            "network": self.namespace.exists(),
            "mounts": bool(self._mounts()),
            "shims": any(str(self.socket) in words for words in command_lines()),
        }
        return [what for what, there in places.items() if there]

    def inhabitants(self) -> list[int]:
        """Every process in the cluster's network: its own programs, and what was started by `enter`."""
        if not self.namespace.exists():
            return []
        mine = self.namespace.stat().st_ino
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "ns" / "net").stat().st_ino == mine:
                    found.append(int(process.name))
        return found

    def _mounts(self) -> list[str]:
        """Whatever is mounted below the folder, inner ones first."""
        places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        return sorted((place for place in places if place.startswith(f"{self.folder}/")), reverse=True)

    def _log_links(self) -> list[Path]:
        """The kubelet links each container's log there, whatever it is told about logs."""
        links = Path("/var/log/containers").glob("*.log")
        return [link for link in links if link.is_symlink() and str(link.readlink()).startswith(f"{self.folder}/")]

    # -- processes

    def _launch(self, name: str, *arguments: str) -> None:
        (self.folder / "logs").mkdir(exist_ok=True)
        environment = {name: text for name, text in os.environ.items() if name != "KUBECONFIG"}
        environment["PATH"] = f"{self.programs}:{os.environ['PATH']}"
        with (self.folder / "logs" / name).open("wb") as log:
            subprocess.Popen(
                [*self._inside(), str(self.programs / name), *arguments],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _inside(self) -> tuple[str, ...]:
        # `ip netns exec` would mount another /sys, and hide the cgroups from the kubelet
        return ("nsenter", f"--net={self.namespace}")

    def _ctr(self, *arguments: str) -> tuple[str, ...]:
        return (str(self.programs / "ctr"), "--address", str(self.socket), *arguments)

    def _asks(self, *arguments: str) -> bool:
        try:
            self.kubectl(*arguments)
        except ClusterError:
            return False
        return True

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not holds():
            if time.monotonic() > deadline:
                raise ClusterError(f"the cluster did not start: waited {START_TIMEOUT_S:.0f} s until {what}")
            time.sleep(POLL_S)

    def _say_logs(self) -> None:
        for log in sorted(self.folder.glob("logs/*")):
            lines = log.read_text(errors="replace").splitlines()[-5:]
            sys.stderr.write("\n".join((f"-- {log.name}", *lines, "")))
