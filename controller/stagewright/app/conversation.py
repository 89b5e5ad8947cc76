"""Speaking to people on pull requests: what an open one would come to, and what became of a merged one.

Every text follows from the ledger, git and the forge's own facts, so whoever writes it, after a crash or from a second
replica, writes the same, and the port takes care that the same is not written again. Nothing here decides anything,
and nothing that fails here is lost: it is said at the next sync.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from stagewright.app.facts import FactReader
from stagewright.app.outcome_pages import merged_pull, newest_entries
from stagewright.app.review_pages import PageReader
from stagewright.app.view import View
from stagewright.core.outcome_page import OutcomePage, outcome_mark, outcome_page
from stagewright.core.review_page import review_page, verdict_mark
from stagewright.errors import IncompleteError, StagewrightError, UnreachableError
from stagewright.model.actual import VersionFacts
from stagewright.model.conversation import Mark, OpenPull, StatusMark
from stagewright.model.review import PullRequest
from stagewright.ports import Conversation

# How many merged pull requests a new process looks after; those that wait still come on top of that.
RECENT = 100
# How long the digests and metrics of a version, which are shown only, are taken for what they were.
SHELF_LIFE = timedelta(hours=1)
_TOLD = 3


class Correspondent:
    """Speaks for one controller. It remembers what it said, so that an idle sync asks the forge for nothing more."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._said: dict[int, str] = {}
        self._marked: dict[str, StatusMark] = {}
        self._asked: dict[int, set[str]] = {}
        self._told: dict[int, int] | None = None
        self._versions: dict[tuple[str, int], VersionFacts | None] = {}
        self._read_at: dict[tuple[str, int], datetime] = {}

    def speak(self, view: View, head: str, facts: FactReader) -> tuple[tuple[PullRequest, ...], str]:
        """Say what there is to say: the open pull requests as they were seen, and why some of it could not be said.

        Merged ones first: they are what the ledger holds, and open ones can wait. Empty: all was said.
        """
        wrong = self._each((number, partial(self._tell, view, number)) for number in self._due(view))
        try:
            pulls = self._conversation.open_pulls()
        except StagewrightError as error:
            return (), _summary([*wrong, f"open pull requests: {error}"])
        shelf = self._shelf(view.sight.clock.now())
        reader = PageReader(view, head, facts.beside(shelf))
        wrong += self._each((pull.number, partial(self._review, reader, pull)) for pull in pulls)
        for place in shelf:
            self._read_at.setdefault(place, view.sight.clock.now())
        self._forget(pulls)
        return tuple(reader.seen), _summary(wrong)

    def _review(self, reader: PageReader, pull: OpenPull) -> None:
        found = reader.page(pull)
        if found is None:
            # a check that is asked of every pull request has to be answered on every one
            self._mark(pull.facts.merged_head, "success", "changes nothing that is governed", pull.facts.url)
            if pull.number in self._said:
                self._say(pull.number, "**This pull request changes nothing that is governed any more.**")
            return
        page, asked = found
        self._mark(page.head, *verdict_mark(page), pull.facts.url)
        self._say(pull.number, review_page(page))
        known = self._asked.setdefault(pull.number, set())
        fresh = [who for who in (*asked.people, *asked.teams) if who not in known]
        if fresh:
            self._conversation.ask(
                pull.number,
                tuple(who for who in asked.people if who in fresh),
                tuple(who for who in asked.teams if who in fresh),
            )
            known.update(fresh)

    def _due(self, view: View) -> list[int]:
        """The merged pull requests about which the ledger says something that was not told yet, oldest first."""
        newest = newest_entries(view.memory)
        if self._told is None:
            pulls = [view.memory.verdicts[promotion.id][1].pull for promotion in view.memory.open.values()]
            waiting = {pull.id for pull in pulls if pull is not None}
            recent = sorted(newest, key=newest.__getitem__)[-RECENT:]
            self._told = {n: last for n, last in newest.items() if n not in recent and str(n) not in waiting}
        return sorted((n for n, last in newest.items() if self._told.get(n) != last), key=newest.__getitem__)

    def _tell(self, view: View, number: int) -> None:
        pull = merged_pull(view.memory, number)
        checkpoint = view.ledger.checkpoint_at(pull.last + 1)
        page = OutcomePage(commit=pull.commit, promotions=pull.promotions, checkpoint=checkpoint)
        self._say(number, outcome_page(page))
        self._mark(pull.head, *outcome_mark(pull.promotions), None)
        for deployment in pull.deployed:
            self._conversation.deployed(deployment)
        assert self._told is not None
        self._told[number] = pull.last
        self._said.pop(number, None)

    def _say(self, number: int, body: str) -> None:
        if self._said.get(number) != body:
            self._conversation.say(number, body)
            self._said[number] = body

    def _mark(self, commit: str, state: Mark, summary: str, url: str | None) -> None:
        mark = StatusMark(commit=commit, state=state, summary=summary, url=url)
        if self._marked.get(commit) != mark:
            self._conversation.mark(mark)
            self._marked[commit] = mark

    @staticmethod
    def _each(what: Iterable[tuple[int, Callable[[], None]]]) -> list[str]:
        """Do it for each, whatever becomes of the others; a forge that does not answer is left alone for now."""
        wrong: list[str] = []
        for number, tell in what:
            try:
                tell()
            except StagewrightError as error:
                wrong.append(f"pull request {number}: {error}")
                if isinstance(error, UnreachableError) and not isinstance(error, IncompleteError):
                    break
        return wrong

    def _shelf(self, now: datetime) -> dict[tuple[str, int], VersionFacts | None]:
        """The versions that were read lately; what is added to it is kept."""
        for place in [p for p, at in self._read_at.items() if now - at >= SHELF_LIFE]:
            del self._versions[place], self._read_at[place]
        return self._versions

    def _forget(self, pulls: tuple[OpenPull, ...]) -> None:
        """Keep what was said on pull requests that are open still; of the others the ledger knows more."""
        numbers, heads = {pull.number for pull in pulls}, {pull.facts.merged_head for pull in pulls}
        self._said = {number: body for number, body in self._said.items() if number in numbers}
        self._asked = {number: who for number, who in self._asked.items() if number in numbers}
        self._marked = {commit: mark for commit, mark in self._marked.items() if commit in heads}


def _summary(wrong: list[str]) -> str:
    if not wrong:
        return ""
    more = f", and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
    return f"not everything was said on the forge: {'; '.join(wrong[:_TOLD])}{more}"
