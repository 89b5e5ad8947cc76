"""Objects of GitHub's GraphQL schema, its lists and its errors."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError

MOST = 100
Fields = Mapping[str, Any]
Arguments = Mapping[str, Any]


class Node:
    """An object of GitHub's schema; a field that is a function is called with its arguments."""

    def __init__(self, typename: str, fields: Fields) -> None:
        self.typename = typename
        self.fields = fields


def refuse(kind: str, message: str) -> GraphQLError:
    """An error of the kind that GitHub puts beside the data."""
    return GraphQLError(message, extensions={"type": kind})


def connection(
    name: str, items: Sequence[Any], arguments: Arguments, write: Callable[[Any], Node], **more: Any
) -> Node:
    """A page of a list; like GitHub it wants `first` or `last`, and no more than a hundred."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is None and last is None:
        raise refuse(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
        )
    size = first if first is not None else last
    if size is None or not 0 <= size <= MOST:
        text = f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of {MOST} records."
        raise refuse("EXCESSIVE_PAGINATION", text)
    start = _position(arguments.get("after"), 0)
    end = _position(arguments.get("before"), len(items) + 1) - 1
    inside = list(range(start, max(min(end, len(items)), start)))
    taken = inside[:size] if first is not None else inside[len(inside) - size :]
    nodes = [write(items[place]) for place in taken]
    cursors = [_cursor(place + 1) for place in taken]
    page = {
        "hasNextPage": bool(taken) and taken[-1] + 1 < len(items), "hasPreviousPage": bool(taken) and taken[0] > 0,
        "startCursor": cursors[0] if cursors else None, "endCursor": cursors[-1] if cursors else None,
    }  # fmt: skip
    edges = [Node("Edge", {"cursor": c, "node": node}) for c, node in zip(cursors, nodes, strict=True)]
    return Node(
        "Connection",
        {"totalCount": len(items), "nodes": nodes, "edges": edges, "pageInfo": Node("PageInfo", page), **more},
    )


def _cursor(position: int) -> str:
    return base64.b64encode(f"cursor:v2:{position}".encode()).decode()


def _position(cursor: str | None, otherwise: int) -> int:
    if cursor is None:
        return otherwise
    try:
        return int(base64.b64decode(cursor).decode().removeprefix("cursor:v2:"))
    except ValueError as error:
        raise refuse("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.") from error
