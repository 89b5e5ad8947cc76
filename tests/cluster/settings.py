"""What the programs of the node are configured with."""

import json
from pathlib import Path
from typing import Any

ADDRESS = "10.98.0.1"
PODS = "10.99.0.0/24"
SERVICES = "10.0.0.0/24"
SERVICE_ADDRESS = "10.0.0.1"
PAUSE = "localhost/pause:1"


def cni(name: str, folder: Path) -> str:
    """A bridge whose pods see each other and the node, and whose leases lie in the cluster's folder."""
    addresses = {
        "type": "host-local",
        "dataDir": str(folder / "addresses"),
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return json.dumps({"cniVersion": "1.0.0", "name": name, "plugins": [bridge]})


def containerd(folder: Path) -> str:
    """All its files below the folder."""
    return f"""\
version = 3
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"

[grpc]
address = "{folder}/containerd.sock"

# its socket is the machine's, not the folder's
[plugins."io.containerd.nri.v1.nri"]
disable = true

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{PAUSE}"

[plugins."io.containerd.cri.v1.runtime"]
# below the state, so that whatever is mounted for pods lies below one folder
netns_mounts_under_state_dir = true
# a container of CI has no CAP_SYS_RESOURCE, and without it runc may not lower a score: no pod would start
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{folder}/cni"
"""


def kubelet(folder: Path) -> str:
    """A kubelet that takes the machine as it is: cgroups of either version, swap, a full disk."""
    whole: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{folder}/containerd.sock",
        "podLogsDir": str(folder / "pod-logs"),
        "volumePluginDir": str(folder / "volume-plugins"),
        # no name server: a lookup has to fail at once, and never to wait for one that cannot be reached
        "resolvConf": str(folder / "resolv.conf"),
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        # the namespace is its wall
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "evictionHard": dict.fromkeys(("memory.available", "nodefs.available", "imagefs.available"), "0%"),
        "imageGCHighThresholdPercent": 100,
    }
    return json.dumps(whole)
