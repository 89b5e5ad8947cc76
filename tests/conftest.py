"""Fixtures that every folder of tests may ask for."""

from hypothesis import settings

from tests.mlflow_server import builder, mlflow_auth_server, mlflow_server

__all__ = ["builder", "mlflow_auth_server", "mlflow_server"]

# how long an example takes says nothing about the code on a machine that others use
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
