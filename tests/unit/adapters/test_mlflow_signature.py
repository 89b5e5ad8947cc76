import pytest

from stagewright.adapters.mlflow.signature import signature_of


def test_signature_of_a_model_file_is_its_three_schemas():
    file = b'signature:\n  inputs: \'[{"type": "double"}]\'\n  outputs: null\nflavors: {}\n'
    assert signature_of(file) == {"inputs": [{"type": "double"}], "outputs": None, "params": None}


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % ((c, c, *([c - 1] * 9))) for c in range(98, 110)
)


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(None, id="no file, or too long a one"),
        pytest.param(b"", id="empty"),
        pytest.param(b"flavors: {}\n", id="none"),
        pytest.param(b"signature: null\n", id="null"),
        pytest.param(b"signature: text\n", id="text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"signature: {inputs: [1]}\n", id="a schema that is no text"),
        pytest.param(b"signature: {inputs: '[NaN]'}\n", id="not a number"),
        pytest.param(b"signature: {inputs: '[1e999]'}\n", id="infinite"),
        pytest.param(b"signature: {inputs: '[9007199254740993]'}\n", id="too large an integer"),
        pytest.param(b"signature: {inputs: '{'}\n", id="broken JSON"),
        pytest.param(b"signature: {inputs: '" + b"[" * 100_000 + b"'}\n", id="JSON nested without end"),
        pytest.param(b"[" * 100_000, id="YAML nested without end"),
        pytest.param(b"signature: !!python/object/apply:os.system ['true']\n", id="a constructor"),
        pytest.param(b"\xff\xfe\x00", id="not UTF-8"),
        pytest.param(b"a: 'unterminated", id="broken YAML"),
        pytest.param(BOMB + b"signature: {inputs: *m}\n", id="aliases that multiply"),
    ],
)
def test_signature_of_anything_else_is_none(file: bytes | None):
    assert signature_of(file) is None
