"""Fixtures that every folder of tests may ask for."""

import pytest
from hypothesis import settings

from tests.mlflow_server import builder, mlflow_auth_server, mlflow_server

__all__ = ["builder", "mlflow_auth_server", "mlflow_server"]

SERVERS = ("mlflow_auth_server", "mlflow_server")


# first: xdist looks at the groups when its own turn comes, and is there before us
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one server in one worker: a server takes longer to start than most tests to run.

    A folder whose own conftest has put them into a group, where the server is another, keeps that one.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            for name in SERVERS:
                if name in getattr(item, "fixturenames", ()):
                    item.add_marker(pytest.mark.xdist_group(name))


# how long an example takes says nothing about the code on a machine that others use
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
