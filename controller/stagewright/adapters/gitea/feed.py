"""A repository's activity feed, newest rows first, kept and read on from where the last reading ended."""

from stagewright.adapters.gitea.client import LIST_TRIES, GiteaClient, Row
from stagewright.adapters.rows import number
from stagewright.errors import IncompleteError

MAX_ROWS = 100_000


class Feed:
    """The whole feed as its token may see it; see `pushes` for what may be hidden."""

    def __init__(self, client: GiteaClient, repository: str) -> None:
        self._client = client
        self._path = f"/repos/{repository}/activities/feeds"
        self._rows: dict[int, Row] = {}

    def rows(self) -> tuple[Row, ...]:
        """Every row, oldest first. NotFoundError, ForbiddenError; IncompleteError where it is not whole."""
        for _ in range(LIST_TRIES):
            if self._read_on():
                return tuple(self._rows[key] for key in sorted(self._rows))
            self._rows = {}
        raise IncompleteError(f"{self._client.place} does not show the whole of {self._path}, or it changes too fast")

    def _read_on(self) -> bool:
        """Read pages until they are known; whether there are now as many rows as the server counts."""
        known = frozenset(self._rows)
        page, shown, total = 0, 0, 1
        while shown < total and len(self._rows) <= MAX_ROWS:
            page += 1
            rows, counted = self._client.page(self._path, page)
            if counted is None or (not rows and shown < counted):
                return False
            total, shown = counted, shown + len(rows)
            self._rows.update((number(row, "id"), row) for row in rows)
            # rows of one second come in any order, so one known row does not mean that all older ones are known
            if known and all(number(row, "id") in known for row in rows):
                break
        return len(self._rows) == total
