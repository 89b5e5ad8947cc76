"""Who we are to MLflow by files: passwords, tokens that rotate, OAuth 2, certificates, headers for a proxy."""

import base64
import json
import ssl
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from stagewright.adapters.mlflow import open_registry
from stagewright.adapters.mlflow.access import Credentials, FileAccess, read_headers, read_secret
from stagewright.adapters.mlflow.artifacts import tree_at
from stagewright.adapters.mlflow.registry import MlflowRegistry
from stagewright.adapters.mlflow.rest import RestGateway
from stagewright.errors import ForbiddenError, InvalidError, StagewrightError, UnreachableError, UsageError
from stagewright.model.plan import Action
from stagewright.model.sync import OAuth2Client, RegistryAccess
from stagewright.ports import Registry
from tests.certificates import Authority
from tests.loopback import Answer, LoopbackProxy
from tests.mlflow_server import ADMIN, ADMIN_PASSWORD, MlflowServer, RegistryBuilder

SECRET = "correct horse battery"
EMPTY = Answer(headers={"Content-Type": "application/json"}, body=b"{}")


class FixedClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 25, tzinfo=UTC)


def opened(uri: str, access: RegistryAccess) -> Registry:
    # the environment says otherwise, and is not asked
    env = {"MLFLOW_TRACKING_TOKEN": "of the environment"}
    return open_registry(uri, env=env, clock=FixedClock(), access=access)


def impatient(uri: str, access: RegistryAccess) -> Registry:
    """As `opened`, without a pause between the attempts of a read."""
    return MlflowRegistry(RestGateway(FileAccess(uri, access), sleep=lambda _: None), FixedClock())


def kept(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def token_answer(token: str, **more: object) -> Answer:
    body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600, **more}).encode()
    return Answer(headers={"Content-Type": "application/json"}, body=body)


def test_password_files_open_a_real_mlflow_and_a_changed_one_is_noticed(
    tmp_path: Path, mlflow_auth_server: MlflowServer
):
    access = RegistryAccess(
        username_file=kept(tmp_path, "username", f"{ADMIN}\n"),
        password_file=kept(tmp_path, "password", "not the password"),
    )
    registry = opened(mlflow_auth_server.uri, access)
    with pytest.raises(ForbiddenError, match="401"):
        registry.snapshot()
    kept(tmp_path, "password", f"{ADMIN_PASSWORD}\n")
    assert registry.snapshot().models is not None


def test_token_file_is_read_again_when_it_changes(tmp_path: Path):
    access = RegistryAccess(token_file=kept(tmp_path, "token", "first\n"))
    with LoopbackProxy() as proxy:
        proxy.always = EMPTY
        registry = opened(proxy.uri, access)
        registry.snapshot()
        kept(tmp_path, "token", "second\n")
        registry.snapshot()
        assert proxy.authorizations == ["Bearer first"] * 2 + ["Bearer second"] * 2


def test_nothing_is_shown_where_nothing_is_configured():
    with LoopbackProxy() as proxy:
        proxy.always = EMPTY
        opened(proxy.uri, RegistryAccess()).snapshot()
        assert proxy.authorizations == [None, None]


class OAuth2:
    """A token server, an MLflow behind tokens, and a clock of seconds."""

    def __init__(self, folder: Path, tokens: LoopbackProxy, mlflow: LoopbackProxy, **client: Any) -> None:
        self.now = 0.0
        self.tokens = tokens
        self.mlflow = mlflow
        secret = kept(folder, "secret", SECRET)
        given = OAuth2Client(token_url=f"{tokens.uri}/token", client_id="stagewright", client_secret_file=secret)
        self.access = FileAccess(
            mlflow.uri, RegistryAccess(oauth2=replace(given, **client)), monotonic=lambda: self.now
        )

    def token(self) -> str | None:
        token = self.access.credentials().creds.token
        assert token is None or isinstance(token, str)
        return token


def test_oauth2_asks_with_client_credentials_and_keeps_the_token_until_shortly_before_its_end(tmp_path: Path):
    with LoopbackProxy() as tokens, LoopbackProxy() as mlflow:
        tokens.answers.extend([token_answer("one"), token_answer("two")])
        world = OAuth2(tmp_path, tokens, mlflow, scopes=("mlflow", "registry"), audience="https://mlflow.example")
        assert [world.token(), world.token()] == ["one", "one"]
        world.now = 3539
        assert world.token() == "one"
        world.now = 3541
        assert world.token() == "two"
        assert tokens.authorizations == [basic("stagewright", SECRET)] * 2
        assert parse_qs(tokens.bodies[0].decode()) == {
            "grant_type": ["client_credentials"],
            "scope": ["mlflow registry"],
            "audience": ["https://mlflow.example"],
        }


def test_oauth2_token_that_mlflow_refuses_is_renewed_once_and_the_write_is_made_once(tmp_path: Path):
    secret = kept(tmp_path, "secret", SECRET)
    with LoopbackProxy() as tokens, LoopbackProxy() as mlflow:
        tokens.answers.extend([token_answer("revoked"), token_answer("good")])
        mlflow.token, mlflow.always = "good", EMPTY
        client = OAuth2Client(token_url=f"{tokens.uri}/token", client_id="stagewright", client_secret_file=secret)
        registry = opened(mlflow.uri, RegistryAccess(oauth2=client))
        registry.apply(Action(kind="alias", model="credit", target="champion", before=None, after="1"))
        assert mlflow.authorizations == ["Bearer revoked", "Bearer good"]
        assert len(tokens.requests) == 2


def test_oauth2_tokens_that_mlflow_never_takes_are_an_answer_and_no_loop(tmp_path: Path):
    secret = kept(tmp_path, "secret", SECRET)
    with LoopbackProxy() as tokens, LoopbackProxy() as mlflow:
        tokens.always, mlflow.token = token_answer("bad"), "good"
        client = OAuth2Client(token_url=f"{tokens.uri}/token", client_id="stagewright", client_secret_file=secret)
        with pytest.raises(ForbiddenError, match="401"):
            opened(mlflow.uri, RegistryAccess(oauth2=client)).snapshot()
        assert len(mlflow.requests) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        pytest.param(Answer(status=401), ForbiddenError, "refuses the client 'stagewright' with 401", id="refused"),
        pytest.param(Answer(status=400), ForbiddenError, "refuses the client", id="bad request"),
        pytest.param(Answer(status=503), UnreachableError, "answers 503", id="busy"),
        pytest.param(Answer(status=302, headers={"Location": "/login"}), UnreachableError, "answers 302", id="login"),
        pytest.param(Answer(body=b"<html>sign in</html>"), UnreachableError, "no token", id="a page"),
        pytest.param(Answer(body=b"[]"), UnreachableError, "no token", id="no object"),
        pytest.param(Answer(body=b"{}"), UnreachableError, "without a usable access token", id="no token"),
        pytest.param(token_answer("a\nb"), UnreachableError, "without a usable access token", id="line break"),
        pytest.param(token_answer("x", token_type="mac"), UnreachableError, "only bearer tokens", id="another type"),
        pytest.param(token_answer("x" * 300_000), UnreachableError, "no token", id="too long"),
    ],
)
def test_oauth2_server_that_gives_no_token_says_why_and_leaks_nothing(
    tmp_path: Path, answer: Answer, kind: type[StagewrightError], message: str
):
    with LoopbackProxy() as tokens, LoopbackProxy() as mlflow:
        tokens.always = answer
        with pytest.raises(kind, match=message) as caught:
            OAuth2(tmp_path, tokens, mlflow).token()
        assert SECRET not in repr(caught.value) + repr(caught.value.__cause__)
        assert mlflow.requests == []


def test_oauth2_server_that_says_no_lifetime_is_asked_again_after_minutes(tmp_path: Path):
    with LoopbackProxy() as tokens, LoopbackProxy() as mlflow:
        tokens.answers.extend([token_answer("one", expires_in="soon"), token_answer("two")])
        world = OAuth2(tmp_path, tokens, mlflow)
        assert world.token() == "one"
        world.now = 300
        assert world.token() == "two"


def server_context(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, authority.issue("server")))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(authority.certificate))
    return context


def test_mutual_tls_shows_a_certificate_and_trusts_the_named_authority_alone(tmp_path: Path):
    authority = Authority(tmp_path)
    stranger = Authority(tmp_path, "stranger")
    certificate, key = map(str, authority.issue("client"))
    foreign, foreign_key = map(str, stranger.issue("foreigner"))
    ca = str(authority.certificate)
    with LoopbackProxy(tls=server_context(authority)) as proxy:
        proxy.always = EMPTY
        good = RegistryAccess(ca_file=ca, client_certificate_file=certificate, client_key_file=key)
        assert impatient(proxy.uri, good).snapshot().models == {}
        bad = {
            "no certificate": RegistryAccess(ca_file=ca),
            "a stranger's": RegistryAccess(ca_file=ca, client_certificate_file=foreign, client_key_file=foreign_key),
            "an authority nobody named": RegistryAccess(client_certificate_file=certificate, client_key_file=key),
            "another authority": RegistryAccess(
                ca_file=str(stranger.certificate), client_certificate_file=certificate, client_key_file=key
            ),
        }
        refused = []
        for name, access in bad.items():
            try:
                impatient(proxy.uri, access).snapshot()
            except UnreachableError:
                refused.append(name)
        assert refused == list(bad)
        with pytest.raises(UsageError, match="is not there"):
            impatient(proxy.uri, RegistryAccess(client_certificate_file=str(tmp_path / "none.crt"))).snapshot()


def test_client_certificate_that_was_renewed_is_shown_without_a_restart(tmp_path: Path):
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    certificate, key = stranger.issue("client")
    access = RegistryAccess(
        ca_file=str(authority.certificate), client_certificate_file=str(certificate), client_key_file=str(key)
    )
    with LoopbackProxy(tls=server_context(authority)) as proxy:
        proxy.always = EMPTY
        registry = impatient(proxy.uri, access)
        with pytest.raises(UnreachableError):
            registry.snapshot()
        authority.issue("client")
        assert registry.snapshot().models == {}


def test_headers_of_a_folder_are_sent_with_each_request(tmp_path: Path):
    folder = tmp_path / "headers"
    folder.mkdir()
    kept(folder, "X-Forwarded-Access-Token", f"{SECRET}\n")
    (folder / "..data").mkdir()
    with LoopbackProxy() as proxy:
        proxy.always = EMPTY
        opened(proxy.uri, RegistryAccess(headers_folder=str(folder))).snapshot()
        assert [headers.get("X-Forwarded-Access-Token") for headers in proxy.headers] == [SECRET] * 2
        assert [headers.get("Connection") for headers in proxy.headers] == ["close"] * 2


@pytest.mark.parametrize("name", ["Host", "connection", "Content-Length", "Transfer-Encoding", "a b", "ü", "-"])
def test_headers_that_would_make_another_request_are_refused(tmp_path: Path, name: str):
    kept(tmp_path, name, "value")
    with pytest.raises(UsageError, match="can be no further header"):
        read_headers(tmp_path)


@pytest.mark.parametrize(
    "text", ["", " \n", f"{SECRET}\r\nX-Other: 1", f"{SECRET}\x00", "x" * 70_000, f"{SECRET} \u2192"], ids=repr
)
def test_credential_that_is_no_one_line_is_refused_and_not_repeated(tmp_path: Path, text: str):
    with pytest.raises(UsageError, match="is no credential") as caught:
        read_secret(kept(tmp_path, "secret", text))
    assert SECRET not in str(caught.value) + caught.value.hint


def test_credential_that_is_not_there_or_no_text_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_secret(str(tmp_path / "none"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no UTF-8"):
        read_secret(str(tmp_path / "binary"))


def test_two_ways_in_at_once_are_refused(tmp_path: Path):
    secret = kept(tmp_path, "secret", SECRET)
    with pytest.raises(UsageError, match="more than one way in"):
        opened("http://127.0.0.1:9", RegistryAccess(username_file=secret, password_file=secret, token_file=secret))


def test_plugin_of_mlflow_is_named_to_mlflow():
    shown = FileAccess("http://127.0.0.1:9", RegistryAccess(plugin="acme-sso")).credentials()
    assert isinstance(shown, Credentials)
    assert shown.creds.auth == "acme-sso"


def test_login_page_is_unreachable_and_never_data(tmp_path: Path):
    page = Answer(headers={"Content-Type": "text/html"}, body=b"<form>password</form>")
    with LoopbackProxy() as proxy:
        proxy.always = page
        with pytest.raises(UnreachableError, match="no JSON, as a login page does"):
            opened(proxy.uri, RegistryAccess(token_file=kept(tmp_path, "token", "t"))).snapshot()


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_artifacts_are_not_read_with_what_the_process_holds_where_nobody_allowed_that(
    builder: RegistryBuilder, scheme: str
):
    """Whoever may write to MLflow says where a version's files lie: it must not be the key to the process's own."""
    name = builder.model(builder.unique("credit"))
    builder.register(name, source=f"{scheme}://models/credit")
    facts = opened(builder.server.uri, RegistryAccess(artifacts=frozenset())).version_facts(name, 1)
    assert facts is not None
    assert facts.digest is None
    assert f"files at {scheme}: are not read here" in str(facts.flaw)


@pytest.mark.parametrize("uri", ["/etc", "file:///etc", "file:/etc", "file://localhost/etc"])
def test_artifacts_in_a_folder_are_not_read_where_nobody_allowed_that(uri: str):
    """MLflow itself takes no such source by its API; its database may hold one."""
    with pytest.raises(InvalidError, match="files at file: are not read here"):
        tree_at(uri, None, frozenset({"s3"}))


def test_artifacts_behind_the_proxy_are_read_whatever_is_allowed(builder: RegistryBuilder):
    name = builder.model(builder.unique("credit"))
    version = builder.version(name)
    facts = opened(builder.server.uri, RegistryAccess(artifacts=frozenset())).version_facts(name, version)
    assert facts is not None
    assert (facts.flaw, facts.digest is not None) == (None, True)
