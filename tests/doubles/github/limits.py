"""The double's rate limits: a primary one per hour and caller, and secondary ones when a test says so."""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.doubles.github.accounts import Identity
from tests.doubles.github.clock import DoubleClock
from tests.doubles.github.problem import Problem

HOUR = timedelta(hours=1)
ANONYMOUS = 60


@dataclass(slots=True)
class Bucket:
    """What one caller has used of one resource in the hour that ends at `reset` (seconds since 1970)."""

    reset: int
    used: int = 0


@dataclass(slots=True)
class Secondary:
    """Refuse the next `times` requests; `retry_after` in seconds, None leaves the header out."""

    times: int
    retry_after: int | None
    status: int = 403


@dataclass(slots=True)
class Limits:
    """`enabled` False is how Enterprise Server comes: no headers and no limit."""

    clock: DoubleClock
    primary: int = 5000
    graphql: int = 5000
    enabled: bool = True
    show_headers: bool = True
    secondary: Secondary | None = None
    buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)

    def limit(self, identity: Identity, resource: str) -> int:
        """How many requests or points an hour holds."""
        if identity.account is None and identity.app is None:
            return ANONYMOUS
        return self.graphql if resource == "graphql" else self.primary

    def bucket(self, identity: Identity, resource: str) -> Bucket:
        """The hour that is running."""
        now, key = self.clock.now(), (identity.bucket, resource)
        bucket = self.buckets.get(key)
        if bucket is None or bucket.reset <= now.timestamp():
            bucket = self.buckets[key] = Bucket(reset=int((now + HOUR).timestamp()))
        return bucket

    def used(self, identity: Identity, resource: str = "core") -> int:
        """What of the running hour is used."""
        return self.bucket(identity, resource).used

    def exhaust(self, identity: Identity, resource: str = "core") -> None:
        """Leave nothing of the running hour."""
        self.bucket(identity, resource).used = self.limit(identity, resource)

    def check_secondary(self) -> None:
        """Refuse a request that came too fast after others, where a test says so."""
        if self.secondary is not None and self.secondary.times > 0:
            self.secondary.times -= 1
            wait = self.secondary.retry_after
            headers = {} if wait is None else {"Retry-After": str(wait)}
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            raise Problem(self.secondary.status, text, headers=headers)

    def check(self, identity: Identity, resource: str) -> None:
        """Refuse a request that is over a limit."""
        self.check_secondary()
        if self.enabled and self.bucket(identity, resource).used >= self.limit(identity, resource):
            raise Problem(403, f"API rate limit exceeded for {identity.bucket}.")

    def spend(self, identity: Identity, resource: str, points: int = 1) -> None:
        """Count a request that was answered."""
        if self.enabled:
            bucket = self.bucket(identity, resource)
            bucket.used = min(bucket.used + points, self.limit(identity, resource))

    def headers(self, identity: Identity, resource: str) -> dict[str, str]:
        """What every answer says of the limit."""
        if not self.enabled or not self.show_headers:
            return {}
        limit, bucket = self.limit(identity, resource), self.bucket(identity, resource)
        return {
            "X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(limit - bucket.used),
            "X-RateLimit-Used": str(bucket.used), "X-RateLimit-Reset": str(bucket.reset),
            "X-RateLimit-Resource": resource,
        }  # fmt: skip

    def overview(self, identity: Identity) -> dict[str, object]:
        """The body of `/rate_limit`."""

        def one(resource: str, limit: int | None = None) -> dict[str, int]:
            bucket, most = self.bucket(identity, resource), limit or self.limit(identity, resource)
            return {"limit": most, "used": bucket.used, "remaining": most - bucket.used, "reset": bucket.reset}

        return {
            "resources": {"core": one("core"), "search": one("search", 30), "graphql": one("graphql")},
            "rate": one("core"),
        }
