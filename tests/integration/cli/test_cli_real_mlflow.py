"""One story through the command line with a real MLflow server: from what it holds to a promotion that it shows."""

from pathlib import Path

from tests.cli_desk import Desk
from tests.mlflow_server import MlflowServer, RegistryBuilder, data_set


def test_story_with_a_real_server(mlflow_server: MlflowServer, builder: RegistryBuilder, tmp_path: Path):
    desk = Desk(tmp_path, uri=mlflow_server.uri)
    model = builder.model(builder.unique("credit"))
    for auc in (0.80, 0.83):
        run = builder.run(user="dana", metrics={"auc": auc}, data_sets=[data_set("applications", "5ec1a000")])
        builder.version(model, run=run, files={"MLmodel": b"flavors: {}\n", "model.bin": str(auc).encode()})
    builder.alias(model, "champion", 1)
    desk.init()
    desk.run("max", "import", model, "--owner", "@cody")
    assert "✓ began " in desk.run("max", "sync", "--once").out
    assert builder.client().get_registered_model(model).aliases == {"champion": "1"}
    desk.promote("mode", model, "enforce", by="dana", approved_by=("cody", "mo"))
    desk.promote("promote", model, "--version", "2", "--to", "Staging", by="dana", approved_by=("cody",))
    assert "✓ applied " in desk.run("max", "sync", "--once").out
    assert builder.client().get_registered_model(model).aliases == {"champion": "1", "challenger": "2"}
    rows = desk.run("max", "status", "-o", "json").json()["rows"]
    assert [(row["stage"], row["actual"], row["state"]) for row in rows] == [
        ("Production", "1", "Synced"),
        ("Staging", "2", "Synced"),
    ]
    hops = desk.run("max", "trace", f"{model}@Staging", "-o", "json").json()["hops"]
    assert hops[0]["text"] == "applications 5ec1a000 (training, mlflow-fingerprint)"
    digest = desk.run("max", "digest", f"{model}@2").out.strip()
    assert {hop["name"]: hop["text"] for hop in hops}["artifact"] == digest
    assert "MLflow 3." in desk.run("max", "doctor").out
    assert "✓ verified: " in desk.run("max", "ledger", "verify").out
