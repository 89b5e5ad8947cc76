"""A real Gitea on loopback, for the tests that `make test-real` runs.

with running_gitea() as server:
    dana = server.user("dana")
    server.call("GET", "/user", by=dana)
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stagewright.demo.gitea_server import LOOPBACK, GiteaError, GiteaServer, User, built

__all__ = ["GiteaError", "GiteaServer", "User", "running_gitea"]


@contextmanager
def running_gitea(*, address: str = LOOPBACK, hooks_to: str = "loopback") -> Iterator[GiteaServer]:
    """A server with an empty database and one administrator, ended with the block."""
    work = Path(tempfile.mkdtemp(prefix="stagewright-gitea-"))
    work.chmod(0o755)
    server = GiteaServer(work, built(), address=address, hooks_to=hooks_to, ssh=True)
    try:
        server.start()
        server.wait()
        yield server
    finally:
        server.stop()
        shutil.rmtree(work, ignore_errors=True)
