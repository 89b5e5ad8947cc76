"""A repository whose server never ends, or sends more than there is room for: it holds up nobody, and fills nothing."""

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagewright.adapters.git import apart
from stagewright.adapters.git.source import GitSource
from stagewright.errors import IncompleteError, UnreachableError
from tests.git_http import GitHttpServer
from tests.git_world import World

ROOM = 1024**2


def reading(world: World, url: str, room: int = ROOM) -> GitSource:
    return GitSource(url=url, branch="main", mirror=world.root / "mirror", max_bytes=room)


@pytest.fixture
def trickle() -> Iterator[str]:
    """A server that sends a byte now and then, long before anything gives up on it for being silent."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-More: ")
            for _ in itertools.takewhile(lambda _: not stop.wait(0.05), itertools.count()):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/origin.git"
    stop.set()
    listening.close()
    thread.join()


def test_server_that_never_ends_is_left_and_an_honest_one_is_read_after_it(
    world: World, trickle: str, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patched:
        patched.setattr(apart, "DEADLINE_S", 1.5)
        with pytest.raises(UnreachableError, match="did not end its answer"):
            reading(world, trickle).fetch()

    # nothing of the first holds the mirror any more
    with GitHttpServer(world.root) as server:
        assert reading(world, server.url("origin.git")).fetch() == world.first


@pytest.mark.parametrize("local", [True, False])
def test_repository_that_is_larger_than_its_room_is_refused_and_the_mirror_stays(world: World, *, local: bool):
    with GitHttpServer(world.root) as server:
        url = str(world.origin) if local else server.url("origin.git")
        reading(world, url).fetch()
        noise = "".join(f"{number * number ^ 0x5BD1E995:x}" for number in range(40_000))
        world.commit("maintainer", {"large.txt": noise})

        with pytest.raises(IncompleteError, match="bytes, which is what is left for its mirror") as caught:
            reading(world, url, room=64 * 1024).fetch()

        assert "--max-repository-size" in caught.value.hint
        assert reading(world, url).last_head() == world.first
        assert reading(world, url).fetch() == world.head()


def test_room_is_what_the_mirror_does_not_hold_yet(world: World):
    """Many small fetches do not come to more than one large one may."""
    url = str(world.origin)
    reading(world, url).fetch()
    (packed,) = (world.root / "mirror" / "objects" / "pack").glob("*.pack")
    world.commit("maintainer", {"more.txt": "more"})

    with pytest.raises(IncompleteError):
        reading(world, url, room=packed.stat().st_size).fetch()

    assert Path(packed).exists()
