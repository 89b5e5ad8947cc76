"""The double's GraphQL API: graphql-core over GitHub's published schema, or over the part of it that lies beside this.

What the double does not answer is an error that says so, never a silent null.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    build_ast_schema,
    execute_sync,
    parse,
    validate,
)
from graphql.language.ast import DocumentNode, FragmentDefinitionNode

from tests.doubles.github.accounts import Identity, at_least
from tests.doubles.github.call import Reply
from tests.doubles.github.clock import timestamp
from tests.doubles.github.graph_nodes import Nodes
from tests.doubles.github.graph_objects import Node, refuse
from tests.doubles.github.problem import Problem
from tests.doubles.github.render import node_id
from tests.doubles.github.render_pulls import RenderPulls
from tests.doubles.github.repository import Pull, Repository
from tests.doubles.github.schemas import GRAPHQL, available, folder

if TYPE_CHECKING:
    from tests.doubles.github.double import GitHubDouble

PART = Path(__file__).with_name("part.graphql")
MOST_NODES = 500_000


@cache
def schema() -> GraphQLSchema:
    """GitHub's whole schema where it was fetched; else the part."""
    text = (folder() / GRAPHQL).read_text() if available() else PART.read_text()
    return build_ast_schema(parse(text, no_location=True), assume_valid=True)


def answer(double: "GitHubDouble", render: RenderPulls, identity: Identity, body: Any) -> tuple[Reply, int]:
    """The answer to a query, and the points that it costs."""
    if identity.account is None:
        raise Problem(401, "This endpoint requires you to be authenticated.")
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        raise Problem(400, "A query attribute must be specified and must be a string.")
    variables = body.get("variables") or {}
    try:
        document = parse(body["query"])
        errors = validate(schema(), document)
    except GraphQLError as error:
        errors = [error]
        document = None
    if errors or document is None:
        return Reply(body={"errors": [_written(error) for error in errors]}), 1
    points, nodes = cost(document, variables)
    if nodes > MOST_NODES:
        text = f"This query requests up to {nodes} possible nodes which exceeds the maximum limit of {MOST_NODES:,}."
        return Reply(body={"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": text}]}), 1
    if double.limits.used(identity, "graphql") + points > double.limits.limit(identity, "graphql"):
        text = f"API rate limit exceeded for {identity.bucket}."
        return Reply(body={"errors": [{"type": "RATE_LIMITED", "message": text}]}), 0
    root = _Root(double, Nodes(render, identity), points, nodes)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    result = execute_sync(
        schema(), document, root_value=root.mutation() if operation.operation.value == "mutation" else root.query(),
        variable_values=variables, operation_name=body.get("operationName"), field_resolver=_field,
        type_resolver=lambda value, _info, _kind: value.typename,
    )  # fmt: skip
    made: dict[str, Any] = {"data": result.data}
    if result.errors:
        double.violations += [str(e.original_error) for e in result.errors if isinstance(e.original_error, Unanswered)]
        made["errors"] = [_written(error) for error in result.errors]
    return Reply(body=made), points


class Unanswered(Exception):  # noqa: N818 -- what the double lacks, told to whoever writes the test
    """A field of GitHub's schema that the double does not know."""


def _field(source: Node, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    if info.field_name not in source.fields:
        raise Unanswered(f"the double does not answer {info.parent_type.name}.{info.field_name}")
    value = source.fields[info.field_name]
    return value(**arguments) if callable(value) else value


def _written(error: GraphQLError) -> dict[str, Any]:
    found = {name: text for name, text in error.formatted.items() if name != "extensions"}
    return {**(error.extensions or {}), **found}


class _Root:
    """The fields of `Query` and `Mutation`."""

    def __init__(self, double: "GitHubDouble", nodes: Nodes, points: int, count: int) -> None:
        self.double = double
        self.nodes = nodes
        self.points = points
        self.count = count

    def query(self) -> Node:
        return Node(
            "Query",
            {
                "viewer": lambda: self.nodes.actor(self.nodes.identity.account), "rateLimit": self._rate_limit,
                "repository": self._repository, "organization": self._organization, "user": self._user,
                "node": lambda **a: self._node(a["id"]),
                "nodes": lambda ids: [self._node(one) for one in ids],
            },
        )  # fmt: skip

    def mutation(self) -> Node:
        return Node("Mutation", {"enqueuePullRequest": self._enqueue, "dequeuePullRequest": self._dequeue})

    def _rate_limit(self, **_: Any) -> Node | None:
        limits, identity = self.double.limits, self.nodes.identity
        if not limits.enabled:
            return None
        bucket, limit = limits.bucket(identity, "graphql"), limits.limit(identity, "graphql")
        used = bucket.used + self.points
        reset = timestamp(
            self.double.world.clock.now().fromtimestamp(bucket.reset, tz=self.double.world.clock.now().tzinfo)
        )
        fields = {
            "cost": self.points, "limit": limit, "nodeCount": self.count, "remaining": limit - used, "used": used,
            "resetAt": reset,
        }  # fmt: skip
        return Node("RateLimit", fields)

    def _repository(self, owner: str, name: str, followRenames: bool = True) -> Node:  # noqa: N803 -- the schema's name
        found, moved = self.double.world.find_repository(owner, name)
        hidden = found is None or self.double.world.seen_by(found, self.nodes.identity) == "none"
        if found is None or hidden or (moved and not followRenames):
            raise refuse("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return self.nodes.repository(found)

    def _organization(self, login: str) -> Node | None:
        found = self.double.world.find_account(login)
        if found is None or found.kind != "Organization":
            raise refuse("NOT_FOUND", f"Could not resolve to an Organization with the login of '{login}'.")
        return self.nodes.actor(found)

    def _user(self, login: str) -> Node | None:
        found = self.double.world.find_account(login)
        if found is None or found.kind != "User":
            raise refuse("NOT_FOUND", f"Could not resolve to a User with the login of '{login}'.")
        return self.nodes.actor(found)

    def _pull(self, wanted: str) -> tuple[Repository, Pull] | None:
        for repository in self.double.world.repositories.values():
            for pull in repository.pulls.values():
                if node_id("PR", pull.id) == wanted and not repository.gone:
                    return repository, pull
        return None

    def _node(self, wanted: str) -> Node | None:
        world = self.double.world
        if (found := self._pull(wanted)) is not None and world.seen_by(found[0], self.nodes.identity) != "none":
            self.nodes.granted("pull_requests")
            return self.nodes.pull(*found)
        for repository in world.repositories.values():
            visible = not repository.gone and world.seen_by(repository, self.nodes.identity) != "none"
            if visible and node_id("R", repository.id) == wanted:
                return self.nodes.repository(repository)
        for account in world.accounts.values():
            if node_id(account.kind[0], account.id) == wanted and not account.deleted:
                return self.nodes.actor(account)
        raise refuse("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")

    def _enqueue(self, input: dict[str, Any]) -> Node:  # noqa: A002 -- the schema's name
        repository, pull, actor = self._queued(input["pullRequestId"])
        self.double.forge.enqueue(repository, pull, actor)
        entry = {
            "id": node_id("MQE", pull.id), "position": repository.queue.index(pull) + 1, "state": "QUEUED",
            "pullRequest": self.nodes.pull(repository, pull),
        }  # fmt: skip
        made = {"clientMutationId": input.get("clientMutationId"), "mergeQueueEntry": Node("MergeQueueEntry", entry)}
        return Node("EnqueuePullRequestPayload", made)

    def _dequeue(self, input: dict[str, Any]) -> Node:  # noqa: A002 -- the schema's name
        repository, pull, actor = self._queued(input["id"])
        self.double.forge.dequeue(repository, pull, actor)
        return Node("DequeuePullRequestPayload", {"clientMutationId": input.get("clientMutationId")})

    def _queued(self, wanted: str) -> tuple[Repository, Pull, Any]:
        found = self._pull(wanted)
        if found is None:
            raise refuse("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted}'")
        if not at_least(self.double.world.seen_by(found[0], self.nodes.identity), "push"):
            raise refuse("FORBIDDEN", "Resource not accessible by personal access token")
        return *found, self.nodes.identity.account


def cost(document: DocumentNode, variables: dict[str, Any]) -> tuple[int, int]:
    """Points and nodes of a query as GitHub reckons them before it runs: one request per list, for each of its parents.

    https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    defaults = {
        definition.variable.name.value: definition.default_value
        for operation in document.definitions
        if isinstance(operation, OperationDefinitionNode)
        for definition in operation.variable_definitions
    }

    def number(value: Any) -> int:
        if isinstance(value, VariableNode):
            name = value.name.value
            return int(variables[name]) if variables.get(name) is not None else number(defaults.get(name))
        return int(value.value) if isinstance(value, IntValueNode) else 0

    def walk(selections: SelectionSetNode | None, parents: int) -> tuple[int, int]:
        requests = nodes = 0
        for selection in selections.selections if selections is not None else ():
            inside: SelectionNode | FragmentDefinitionNode = selection
            times = parents
            if isinstance(selection, FragmentSpreadNode):
                inside = fragments[selection.name.value]
            elif isinstance(selection, FieldNode):
                sizes = [a.value for a in selection.arguments if a.name.value in {"first", "last"}]
                if sizes:
                    requests += parents
                    times = parents * number(sizes[0])
                    nodes += times
            assert isinstance(inside, FieldNode | InlineFragmentNode | FragmentDefinitionNode)
            more = walk(inside.selection_set, times)
            requests, nodes = requests + more[0], nodes + more[1]
        return requests, nodes

    requests = nodes = 0
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            more = walk(definition.selection_set, 1)
            requests, nodes = requests + more[0], nodes + more[1]
    return max(round(requests / 100), 1), nodes
