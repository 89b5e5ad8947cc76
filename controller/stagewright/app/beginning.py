"""Genesis: a ledger begins from a commit that the operator names, and from what the registry holds then."""

from collections.abc import Mapping

from stagewright.app.adoption import adopt, snapshot_body
from stagewright.app.desired import DesiredReader
from stagewright.app.facts import FactReader
from stagewright.core.fold import genesis
from stagewright.core.identity import canonical_digest
from stagewright.errors import UsageError
from stagewright.model.desired import GovernanceValue, Spec, Values
from stagewright.model.keys import GovernanceKey, SpecKey
from stagewright.model.state import State
from stagewright.model.sync import RegistrySync
from stagewright.ports import Registry, Source


class Beginning:
    """Works out the first state of a ledger; writes nothing."""

    def __init__(
        self,
        *,
        config: RegistrySync,
        source: Source,
        registry: Registry,
        desired: DesiredReader,
        facts: FactReader,
    ) -> None:
        self._config = config
        self._source = source
        self._registry = registry
        self._desired = desired
        self._facts = facts

    def at(self, head: str) -> tuple[str, State, bytes]:
        """The ledger's origin, its first state, and the registry's snapshot that was adopted.

        UsageError when no trust root is named or it holds no policy; StalledError when it is not on the branch.
        """
        root = self._config.trust_root
        if root is None:
            raise UsageError(
                "there is no ledger yet, and no commit to begin it from",
                hint="name the commit whose governance you trust: spec.trustRoot, or --trust-root SHA",
            )
        if root != head:
            self._source.first_parents(root, head)
        declared = self._desired.at(root)
        value = declared.values.get(GovernanceKey())
        policy = self._desired.governance(value).policy if isinstance(value, GovernanceValue) else None
        if policy is None:
            raise UsageError(f"commit {root[:12]} holds no valid policy", hint="begin from a commit that has one")
        _require_one_document_each(declared.values)
        actual = self._registry.snapshot()
        state = genesis(
            origin=policy.origin,
            declared=declared,
            adopted=adopt(declared.values, policy, actual, self._facts),
            now=actual.observed_at,
        )
        return policy.origin, state, snapshot_body(actual)


def _require_one_document_each(values: Values) -> None:
    holders: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(key, SpecKey) and isinstance(value, Spec):
            other = holders.setdefault(value.registered_model.casefold(), key.model)
            if other != key.model:
                raise UsageError(
                    f"{other} and {key.model} both name the registered model {value.registered_model!r}",
                    hint="declare it in one document, and begin from the commit that does",
                )


def binding_of(config: RegistrySync, origin: str) -> dict[str, str]:
    """What genesis binds for ever: a configuration that differs later stalls until a person says so on the record."""
    return {
        "origin": origin,
        "repository": config.url,
        "branch": config.branch,
        "path": config.path,
        "forge": str(config.forge),
        "registry": config.registry_uri,
    }


def rebinding_digest(config: RegistrySync, binding: Mapping[str, str], since: int) -> str:
    """`sha256:…` of a move of the configuration, from what the ledger is bound to: what whoever confirms it names.

    `since` is the entry that bound it, so that nobody's word about an earlier move confirms the same move again.
    """
    after = binding_of(config, binding["origin"])
    return f"sha256:{canonical_digest({'after': after, 'before': dict(binding), 'since': since})}"


def moved_from(config: RegistrySync, binding: Mapping[str, str]) -> str:
    """How a configuration differs from what a ledger is bound to; empty when it does not."""
    differing = [
        f"{name} is {now!r}, was {binding[name]!r}"
        for name, now in binding_of(config, binding["origin"]).items()
        if binding[name] != now
    ]
    return f"the configuration is not the one the ledger began with: {'; '.join(differing)}" if differing else ""
