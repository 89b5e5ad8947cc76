"""Fixtures that every folder of tests may ask for."""

from tests.mlflow_server import builder, mlflow_auth_server, mlflow_server

__all__ = ["builder", "mlflow_auth_server", "mlflow_server"]
