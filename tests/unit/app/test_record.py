"""What the controller writes down, and that a restart reads the same back."""

from datetime import UTC, datetime

from stagewright.app.memory import remember
from stagewright.app.record import Scribe
from stagewright.ledger import predicates as entry
from stagewright.ledger.log import Ledger
from stagewright.model.desired import NOBODY, GovernanceValue, Spec, StageEntry, Value
from stagewright.model.keys import GovernanceKey, Key, SpecKey, StageKey
from tests.fakes.ledger_store import MemoryStore, SeedSigner

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ORIGIN = "ledger.example.com/prod"
BINDING = {"repository": "r", "branch": "main", "path": "", "forge": "git", "registry": "http://127.0.0.1:5000"}
GOVERNANCE = GovernanceValue(policy="a1" * 20, allowed_signers="b2" * 20, codeowners=())


def _scribe() -> Scribe:
    epoch = entry.Epoch(lease="prod", transitions=0, holder="pod-0")
    return Scribe(sync="prod", epoch=epoch, now=NOW, origin=ORIGIN, names={})


def test_genesis_of_a_thousand_models_takes_as_many_entries_as_it_needs_and_reads_back_whole():
    authorized: dict[Key, Value] = {GovernanceKey(): GOVERNANCE}
    for number in range(1000):
        model = f"model-{number:04}"
        authorized[SpecKey(model)] = Spec(
            owner="@acme/ml", purpose="p" * 200, risk_tier="high", card=None, mode="observe", registered_model=model
        )
        authorized[StageKey(model, "Production")] = StageEntry(
            version=1, digest=f"sha256:{number:064x}", evidence=f"sha256:{number + 1:064x}", run_id=f"{number:032x}"
        )
        authorized[StageKey(model, "Staging")] = NOBODY
    declared = {**authorized, StageKey("model-0007", "Staging"): authorized[StageKey("model-0007", "Production")]}
    scribe, body = _scribe(), b"{}"
    snapshot = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    first = scribe.genesis(BINDING, trust_root="c0" * 20, authorized=authorized, declared=declared, snapshot=snapshot)
    ledger = Ledger.create(
        MemoryStore(),
        origin=ORIGIN,
        log_signer=SeedSigner(1),
        entry_signer=SeedSigner(2),
        first=first,
        header=scribe.header,
        evidence={snapshot: body},
    )
    kinds = [found.statement.kind for found in ledger.entries()]
    memory = remember(ledger)
    assert kinds[:4] == ["genesis", "key", "key", "adoption"]
    assert memory.authorized == authorized
    assert memory.unauthorized == {StageKey("model-0007", "Staging"): declared[StageKey("model-0007", "Staging")]}
    assert set(memory.held) == {key for key in authorized if isinstance(key, StageKey)}
