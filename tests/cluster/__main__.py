"""Starts and ends a cluster by hand, and gives it the controller's image."""

import sys
from pathlib import Path

from tests.cluster.node import Node
from tests.cluster.processes import HERE, built, said_by


def main(argv: list[str]) -> int:
    """See `node` beside this file."""
    match argv:
        case ["up", folder]:
            node = Node(Path(folder), built())
            if not node.is_ready():
                node.stop()
                node.start()
            sys.stdout.write(f"ready: {node.folder}/enter kubectl get nodes\n")
        case ["down", folder]:
            Node(Path(folder), built() if Path(folder).exists() else Path()).stop()
        case ["image", folder]:
            Node(Path(folder), built()).load(Path(said_by(HERE / "image")))
        case _:
            sys.stderr.write("usage: python -m tests.cluster up|down|image FOLDER\n")
            return 2
    return 0


sys.exit(main(sys.argv[1:]))
