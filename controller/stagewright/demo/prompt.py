"""Runs command lines one by one, each in a process of its own that begins with the heavy imports done.

Importing MLflow takes longer than most commands; a person types one now and then, the demo types fifty. So a process
imports it once and forks for each command, which then runs as `python -m MODULE` does. One JSON line each way:

    {"module": "stagewright", "argv": ["status"], "cwd": "/…/desired", "env": {…}, "out": "/…/out", "err": "/…/err"}
    {"exit": 0}
"""

import contextlib
import importlib
import io
import json
import os
import runpy
import sys
import traceback
import warnings
from typing import NoReturn

NEEDED = ("stagewright.bootstrap", "stagewright.adapters.mlflow", "typer", "rich.console", "rich.table", "mlflow")


def main() -> None:
    """Serve requests from standard input until it ends."""
    # the one other thread is an allocator's, which is made for this
    warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
    for module in NEEDED:
        importlib.import_module(module)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(request)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"exit": os.waitstatus_to_exitcode(status)}), flush=True)


def _become(request: dict[str, object]) -> NoReturn:
    """Run one command in this process, and end it as the command ends."""
    code = 1
    try:
        os.chdir(str(request["cwd"]))
        os.environ.clear()
        environment = request["env"]
        assert isinstance(environment, dict)
        os.environ.update(environment)
        for number, path in ((0, os.devnull), (1, str(request["out"])), (2, str(request["err"]))):
            opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(opened, number)
            os.close(opened)
        sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
        argv = request["argv"]
        assert isinstance(argv, list)
        module = str(request["module"])
        sys.argv = [module, *argv]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - reason: the end of a process, as the interpreter itself would end it
        traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
