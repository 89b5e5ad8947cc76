"""What happens on the double: pushes, pull requests, reviews and merges, with all that follows from each."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.doubles.github.accounts import Account, Team, at_least
from tests.doubles.github.gitstore import NOBODY, Signed
from tests.doubles.github.problem import Problem, unprocessable
from tests.doubles.github.repository import Activity, Event, Pull, Repository, Review
from tests.doubles.github.world import World

WEB_FLOW = ("GitHub", "noreply@github.com")
DECISIVE = {"APPROVED", "CHANGES_REQUESTED"}
Notify = Callable[[Repository, str, str | None, Account | None, Mapping[str, Any]], None]


class Forge:
    """Changes the world as GitHub does. `notify` is told (repository, event, action, sender, what it is about)."""

    def __init__(self, world: World, notify: Notify) -> None:
        self.world = world
        self.notify = notify

    # git

    def refs_changed(self, repository: Repository, actor: Account | None, before: dict[str, str]) -> None:
        """Note what a push made of every branch since `before`, and what follows for pull requests."""
        after = self.world.git.branches(repository.id)
        for branch in sorted(before.keys() | after.keys()):
            self._changed(repository, branch, before.get(branch, NOBODY), after.get(branch, NOBODY), actor)

    def move(
        self, repository: Repository, branch: str, commit: str | None, actor: Account | None, kind: str | None = None
    ) -> None:
        """Let a branch name another commit, or nothing, with all that follows; `kind` is the activity's, if no push."""
        old = self.world.git.tip(repository.id, branch) or NOBODY
        self.world.git.move(repository.id, branch, commit)
        self._changed(repository, branch, old, commit or NOBODY, actor, kind)

    def _changed(
        self, repository: Repository, branch: str, old: str, new: str, actor: Account | None, kind: str | None = None
    ) -> None:
        if old == new:
            return
        if NOBODY in {old, new}:
            what = "branch_creation" if old == NOBODY else "branch_deletion"
        else:
            what = kind or ("push" if self.world.git.contains(repository.id, old, new) else "force_push")
        ref, now = f"refs/heads/{branch}", self.world.clock.now()
        repository.pushed = now
        repository.activity.append(
            Activity(id=next(self.world.ids), kind=what, ref=ref, before=old, after=new, actor=actor, at=now)
        )
        about = {"ref": ref, "before": old, "after": new, "actor": actor}
        self.notify(repository, "push", None, actor, about)
        self._heads_follow(repository, branch, old, new, actor)
        for pull in [pull for pull in repository.pulls.values() if pull.state == "open" and pull.base_ref == branch]:
            if what == "force_push":
                self.event(pull, "base_ref_force_pushed", actor, before=old, after=new)
            elif what == "branch_deletion":
                self.event(pull, "base_ref_deleted", actor)
                self.close(repository, pull, actor)
        if what in {"push", "force_push"}:
            self._merged_by_push(repository, branch, old, new, actor)

    def _heads_follow(self, repository: Repository, branch: str, old: str, new: str, actor: Account | None) -> None:
        for base in list(self.world.repositories.values()):
            for pull in base.pulls.values():
                if pull.state != "open" or pull.head_repo is not repository or pull.head_ref != branch:
                    continue
                if new == NOBODY:
                    self.close(base, pull, actor)
                    continue
                pull.head_sha = new
                pull.base_sha = self.world.git.tip(base.id, pull.base_ref) or pull.base_sha
                self._keep_head(base, pull)
                pull.updated = self.world.clock.now()
                if old != NOBODY and not self.world.git.contains(repository.id, old, new):
                    self.event(pull, "head_ref_force_pushed", actor, before=old, after=new)
                if pull in base.queue:
                    self.dequeue(base, pull, actor)
                self._dismiss_stale(base, pull, actor)
                self.notify(base, "pull_request", "synchronize", actor, {"pull": pull, "before": old, "after": new})

    def _dismiss_stale(self, base: Repository, pull: Pull, actor: Account | None) -> None:
        rules = (base.protection.get(pull.base_ref) or {}).get("required_pull_request_reviews") or {}
        for review in pull.reviews:
            if rules.get("dismiss_stale_reviews") and review.state == "APPROVED" and actor is not None:
                self.dismiss(base, pull, review, actor, "")

    def _merged_by_push(self, repository: Repository, branch: str, old: str, new: str, actor: Account | None) -> None:
        """A head that a push brought onto its base branch is merged, whoever pushed it and however."""
        git = self.world.git
        for pull in repository.pulls.values():
            if pull.state != "open" or pull.base_ref != branch or not git.contains(repository.id, pull.head_sha, new):
                continue
            if git.contains(repository.id, pull.head_sha, old):
                continue
            chain = git.first_parents(repository.id, old, new)
            merge = next((c for c in chain if git.contains(repository.id, pull.head_sha, c)), new)
            pull.commits = git.between(repository.id, old, pull.head_sha)
            self._close_merged(
                repository, pull, actor, merge, chain[: chain.index(merge) + 1] if merge in chain else ()
            )

    def _keep_head(self, base: Repository, pull: Pull) -> None:
        assert pull.head_repo is not None
        self.world.git.take(base.id, pull.head_repo.id, pull.head_sha, f"refs/pull/{pull.number}/head")

    # pull requests

    def open(
        self,
        repository: Repository,
        author: Account,
        *,
        base: str,
        head_repo: Repository,
        head_ref: str,
        title: str,
        body: str | None,
        draft: bool,
    ) -> Pull:
        """Open a pull request; there may be one per head and base."""
        tip, head = self.world.git.tip(repository.id, base), self.world.git.tip(head_repo.id, head_ref)
        if tip is None or head is None:
            field = "base" if tip is None else "head"
            raise Problem(
                422, "Validation Failed", errors=[{"resource": "PullRequest", "field": field, "code": "invalid"}]
            )
        for other in repository.pulls.values():
            if other.state == "open" and (other.base_ref, other.head_repo, other.head_ref) == (
                base,
                head_repo,
                head_ref,
            ):
                text = f"A pull request already exists for {head_repo.owner.login}:{head_ref}."
                raise Problem(
                    422, "Validation Failed", errors=[{"resource": "PullRequest", "code": "custom", "message": text}]
                )
        if head == tip or (head_repo is repository and not self.world.git.between(repository.id, tip, head)):
            text = f"No commits between {base} and {head_ref}"
            raise Problem(
                422, "Validation Failed", errors=[{"resource": "PullRequest", "code": "custom", "message": text}]
            )
        now = self.world.clock.now()
        pull = Pull(
            id=next(self.world.ids), number=len(repository.pulls) + 1, title=title, body=body, author=author,
            base_ref=base, base_sha=tip, head_repo=head_repo, head_owner=head_repo.owner, head_ref=head_ref,
            head_sha=head, created=now, updated=now, draft=draft,
        )  # fmt: skip
        repository.pulls[pull.number] = pull
        self._keep_head(repository, pull)
        self.notify(repository, "pull_request", "opened", author, {"pull": pull})
        return pull

    def commits(self, repository: Repository, pull: Pull) -> tuple[str, ...]:
        """The commits of a pull request: since it parted from its base, or as they were when it was merged."""
        if pull.commits is not None:
            return pull.commits
        tip = self.world.git.tip(repository.id, pull.base_ref) or pull.base_sha
        return self.world.git.between(repository.id, tip, pull.head_sha)

    def associated(self, repository: Repository, commit: str) -> list[Pull]:
        """The merged pull request that brought a commit of the default branch; of any other, each that holds it."""
        tip = self.world.git.tip(repository.id, repository.default_branch)
        listed = sorted(repository.pulls.values(), key=lambda pull: pull.number)
        if tip is not None and self.world.git.contains(repository.id, commit, tip):
            brought = [pull for pull in listed if pull.merged is not None and commit in pull.brought]
            return brought or [p for p in listed if p.merged is not None and commit in self.commits(repository, p)]
        return [
            pull
            for pull in listed
            if (pull.merged is not None or pull.state == "open")
            and (commit in pull.brought or commit in self.commits(repository, pull))
        ]

    def close(self, repository: Repository, pull: Pull, actor: Account | None) -> None:
        """Close a pull request without a merge."""
        if pull in repository.queue:
            self.dequeue(repository, pull, actor)
        pull.state, pull.closed = "closed", self.world.clock.now()
        pull.commits = self.commits(repository, pull)
        self.event(pull, "closed", actor)
        self.notify(repository, "pull_request", "closed", actor, {"pull": pull})

    def reopen(self, repository: Repository, pull: Pull, actor: Account) -> None:
        """Open a closed pull request again."""
        if pull.merged is not None or pull.head_repo is None:
            raise unprocessable("state cannot be changed.", resource="PullRequest", field="state")
        pull.state, pull.closed, pull.commits = "open", None, None
        self.event(pull, "reopened", actor)
        self.notify(repository, "pull_request", "reopened", actor, {"pull": pull})

    def event(self, pull: Pull, kind: str, actor: Account | None, **facts: Any) -> Event:
        """Note a line of the timeline."""
        made = Event(id=next(self.world.ids), kind=kind, actor=actor, at=self.world.clock.now(), facts=facts)
        pull.events.append(made)
        pull.updated = made.at
        return made

    # reviews

    def review(
        self, repository: Repository, pull: Pull, author: Account, *, event: str | None, body: str, commit: str | None
    ) -> Review:
        """Review a pull request at a commit of it, by default its head; without an event the review is pending."""
        states = {
            "APPROVE": "APPROVED",
            "REQUEST_CHANGES": "CHANGES_REQUESTED",
            "COMMENT": "COMMENTED",
            None: "PENDING",
        }
        if event not in states:
            raise Problem(422, "Variable $event of type PullRequestReviewEvent was provided invalid value")
        if author is pull.author and event in {"APPROVE", "REQUEST_CHANGES"}:
            what = "approve" if event == "APPROVE" else "request changes on"
            raise Problem(422, "Unprocessable Entity", errors=[f"Review Can not {what} your own pull request"])
        if event in {"REQUEST_CHANGES", "COMMENT"} and not body:
            raise Problem(422, "Unprocessable Entity", errors=["Body can't be blank"])
        if commit is not None and commit not in {*self.commits(repository, pull), pull.head_sha}:
            raise Problem(422, "Unprocessable Entity", errors=["commitOID is not part of the pull request"])
        if event is None and any(r.author is author and r.state == "PENDING" for r in pull.reviews):
            raise Problem(
                422, "Unprocessable Entity", errors=["User can only have one pending review per pull request"]
            )
        review = Review(
            id=next(self.world.ids), author=author, state=states[event], body=body, commit=commit or pull.head_sha,
            submitted=self.world.clock.now() if event else None,
        )  # fmt: skip
        pull.reviews.append(review)
        pull.updated = self.world.clock.now()
        if event is not None:
            self.submitted(repository, pull, review)
        return review

    def submitted(self, repository: Repository, pull: Pull, review: Review) -> None:
        """What follows when a review can be seen: nobody waits for its author any more."""
        if review.author in pull.asked:
            pull.asked.remove(review.author)
        pull.asked_teams = [team for team in pull.asked_teams if review.author not in team.members()]
        self.notify(repository, "pull_request_review", "submitted", review.author, {"pull": pull, "review": review})

    def ask(self, repository: Repository, pull: Pull, actor: Account, asked: Account | Team) -> None:
        """Ask a person or a team for a review; whoever is asked already is not asked again."""
        if isinstance(asked, Team) and asked not in pull.asked_teams:
            pull.asked_teams.append(asked)
            what: dict[str, Account | Team] = {"team": asked}
        elif isinstance(asked, Account) and asked not in pull.asked:
            pull.asked.append(asked)
            what = {"reviewer": asked}
        else:
            return
        self.event(pull, "review_requested", actor, **what)
        self.notify(repository, "pull_request", "review_requested", actor, {"pull": pull, **what})

    def dismiss(self, repository: Repository, pull: Pull, review: Review, actor: Account, message: str) -> None:
        """Take an approval or a request for changes away; only the timeline tells what it was and who did it."""
        if review.state not in DECISIVE:
            raise Problem(422, "Unprocessable Entity", errors=["Can not dismiss a commented pull request review"])
        was, review.state = review.state, "DISMISSED"
        self.event(pull, "review_dismissed", actor, review=review, state=was.lower(), message=message)
        self.notify(repository, "pull_request_review", "dismissed", actor, {"pull": pull, "review": review})

    # merges

    def merge(
        self,
        repository: Repository,
        pull: Pull,
        actor: Account,
        *,
        method: str,
        title: str | None = None,
        message: str | None = None,
        bypass: bool = False,
    ) -> str:
        """Merge a pull request by one of GitHub's three methods; the merge commit's id."""
        if pull.merged is not None or pull.state != "open" or pull.draft:
            raise Problem(405, "Pull Request is not mergeable")
        if method not in repository.methods:
            name = {"merge": "Merge", "squash": "Squash merge", "rebase": "Rebase merge"}[method]
            raise Problem(405, f"{name} commits are not allowed on this repository.")
        if repository.queue_method is not None and not bypass:
            raise Problem(405, "Changes must be made through the merge queue")
        self._protected(repository, pull, actor)
        tip = self.world.git.tip(repository.id, pull.base_ref)
        if tip is None:
            raise Problem(405, "Base branch was deleted")
        pull.commits = self.world.git.between(repository.id, tip, pull.head_sha)
        brought = self.make(repository, pull, actor, method, tip, title=title, message=message)
        if brought is None:
            pull.commits = None
            raise Problem(405, "Pull Request is not mergeable")
        self._close_merged(repository, pull, actor, brought[-1], brought)
        self.move(repository, pull.base_ref, brought[-1], actor, "pr_merge")
        return brought[-1]

    def make(
        self,
        repository: Repository,
        pull: Pull,
        actor: Account,
        method: str,
        onto: str,
        *,
        title: str | None = None,
        message: str | None = None,
    ) -> tuple[str, ...] | None:
        """The commits that a merge would bring, in order; None when there is a conflict."""
        git, now = self.world.git, self.world.clock.now()
        actor_line = (actor.login, actor.email)
        if method == "rebase":
            return git.rebase(repository.id, onto, pull.head_sha, by=Signed(actor_line, actor_line, now)) or None
        if method == "squash":
            text = "\n\n".join(part for part in (title or f"{pull.title} (#{pull.number})", message) if part)
            author = (pull.author.login, pull.author.email)
            made = git.squash(repository.id, onto, pull.head_sha, text, by=Signed(author, WEB_FLOW, now))
        else:
            first = title or f"Merge pull request #{pull.number} from {pull.head_owner.login}/{pull.head_ref}"
            text = f"{first}\n\n{pull.title if message is None else message}"
            made = git.merge(repository.id, onto, pull.head_sha, text, by=Signed(actor_line, WEB_FLOW, now))
        return None if made is None else (made,)

    def mergeable(self, repository: Repository, pull: Pull) -> bool | None:
        """Whether an open pull request merges without conflict; of one that is closed nothing is said."""
        tip = self.world.git.tip(repository.id, pull.base_ref)
        if pull.state != "open" or tip is None:
            return None
        return not self.world.git.conflict(repository.id, tip, pull.head_sha)

    def _protected(self, repository: Repository, pull: Pull, actor: Account) -> None:
        rules = repository.protection.get(pull.base_ref)
        if rules is None:
            return
        admin = at_least(self.world.level(repository, actor), "admin")
        if admin and not rules.get("enforce_admins"):
            return
        wanted = (rules.get("required_pull_request_reviews") or {}).get("required_approving_review_count", 0)
        latest = {r.author.id: r.state for r in pull.reviews if r.state in DECISIVE}
        writers = [
            state
            for reviewer, state in latest.items()
            if at_least(self.world.level(repository, self.world.accounts[reviewer]), "push")
        ]
        if "CHANGES_REQUESTED" in writers or writers.count("APPROVED") < wanted:
            raise Problem(405, "At least 1 approving review is required by reviewers with write access.")

    def _close_merged(
        self, repository: Repository, pull: Pull, actor: Account | None, merge: str, brought: tuple[str, ...]
    ) -> None:
        now = self.world.clock.now()
        pull.state, pull.closed, pull.merged, pull.merged_by = "closed", now, now, actor
        pull.merge_commit, pull.brought = merge, brought
        self.event(pull, "merged", actor, commit=merge)
        self.event(pull, "closed", actor)
        self.notify(repository, "pull_request", "closed", actor, {"pull": pull})

    # the merge queue

    def enqueue(self, repository: Repository, pull: Pull, actor: Account) -> None:
        """Put a pull request at the end of the queue."""
        if repository.queue_method is None or pull.state != "open" or pull in repository.queue:
            raise Problem(422, "Pull request cannot be queued")
        self._protected(repository, pull, actor)
        pull.queued_by = actor
        repository.queue.append(pull)
        self.event(pull, "added_to_merge_queue", actor)

    def dequeue(self, repository: Repository, pull: Pull, actor: Account | None) -> None:
        """Take a pull request out of the queue without a merge."""
        repository.queue.remove(pull)
        pull.queued_by = None
        self.event(pull, "removed_from_merge_queue", actor)

    def run_queue(self, repository: Repository, *, group: int | None = None) -> tuple[str, ...]:
        """Merge the first `group` of the queue (default: all) by one push of the queue's bot; what it brought."""
        assert repository.queue_method is not None
        waiting, bot, git = repository.queue[:group], self.world.queue_bot, self.world.git
        brought: list[str] = []
        merged: list[tuple[Pull, tuple[str, ...]]] = []
        for pull in waiting:
            onto = brought[-1] if brought else git.tip(repository.id, pull.base_ref)
            assert onto is not None
            commits = git.between(repository.id, onto, pull.head_sha)
            made = self.make(repository, pull, bot, repository.queue_method, onto)
            if made is None:
                self.dequeue(repository, pull, bot)
                continue
            pull.commits = commits
            brought.extend(made)
            merged.append((pull, made))
        for pull, made in merged:
            repository.queue.remove(pull)
            self.event(pull, "removed_from_merge_queue", bot)
            self._close_merged(repository, pull, bot, made[-1], made)
        if merged:
            self.move(repository, merged[0][0].base_ref, brought[-1], bot, "merge_queue_merge")
        return tuple(brought)
