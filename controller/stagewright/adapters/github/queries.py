"""What is asked of GitHub's GraphQL API. A merge and everything said about it is one question, and ten merges are too.

Of a commit GitHub names the pull requests that it came by, and on a branch that is not the default one also open ones
that have it. A page of five is enough for all but the odd one, and keeps the question at one point of the rate limit.
"""

from collections.abc import Iterable

BATCH = 10
PULLS = 5

_WHO = """
fragment Who on Actor { __typename login ... on User { databaseId } ... on Bot { databaseId } }
"""

_REVIEWS = """
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { fullDatabaseId state submittedAt author { ...Who } commit { oid } }
"""

_EVENTS = """
    pageInfo { hasNextPage endCursor }
    nodes {
      __typename
      ... on ReviewDismissedEvent { createdAt previousReviewState actor { ...Who } review { fullDatabaseId } }
      ... on BaseRefChangedEvent { createdAt }
      ... on AutomaticBaseChangeSucceededEvent { createdAt }
      ... on BaseRefForcePushedEvent { createdAt }
      ... on BaseRefDeletedEvent { createdAt }
    }
"""

# Whatever changes what a review stands for without a trace in the review itself.
_KINDS = (
    "[REVIEW_DISMISSED_EVENT, BASE_REF_CHANGED_EVENT, AUTOMATIC_BASE_CHANGE_SUCCEEDED_EVENT,"
    " BASE_REF_FORCE_PUSHED_EVENT, BASE_REF_DELETED_EVENT]"
)

_PULL = f"""
fragment Whole on PullRequest {{
  number title url state isDraft createdAt updatedAt mergedAt
  baseRefName headRefName headRefOid
  headRepository {{ nameWithOwner }}
  author {{ ...Who }}
  mergeCommit {{ oid }}
  reviews(first: 100) {{ {_REVIEWS} }}
  timelineItems(first: 100, itemTypes: {_KINDS}) {{ {_EVENTS} }}
}}
"""

_REPOSITORY = "repository(owner: $owner, name: $name, followRenames: false)"


def of_commits(commits: Iterable[str]) -> str:
    """The pull requests that each of these commits came by, as `c0`, `c1` and so on."""
    asked = "".join(
        f"""
    c{at}: object(oid: "{commit}") {{
      ... on Commit {{
        oid
        associatedPullRequests(first: {PULLS}) {{ pageInfo {{ hasNextPage endCursor }} nodes {{ ...Whole }} }}
      }}
    }}"""
        for at, commit in enumerate(commits)
    )
    return f"query Commits($owner: String!, $name: String!) {{ {_REPOSITORY} {{ databaseId {asked} }} }}{_PULL}{_WHO}"


def of_numbers(numbers: Iterable[int]) -> str:
    """These pull requests, as `p0`, `p1` and so on."""
    asked = "".join(f"\n    p{at}: pullRequest(number: {number}) {{ ...Whole }}" for at, number in enumerate(numbers))
    return f"query Pulls($owner: String!, $name: String!) {{ {_REPOSITORY} {{ databaseId {asked} }} }}{_PULL}{_WHO}"


MORE_PULLS = f"""
query Came($owner: String!, $name: String!, $commit: GitObjectID!, $after: String!) {{
  {_REPOSITORY} {{
    databaseId
    object(oid: $commit) {{
      ... on Commit {{
        oid
        associatedPullRequests(first: 20, after: $after) {{
          pageInfo {{ hasNextPage endCursor }}
          nodes {{ ...Whole }}
        }}
      }}
    }}
  }}
}}{_PULL}{_WHO}"""

MORE_REVIEWS = f"""
query Reviews($owner: String!, $name: String!, $number: Int!, $after: String!) {{
  {_REPOSITORY} {{
    databaseId
    pullRequest(number: $number) {{ reviews(first: 100, after: $after) {{ {_REVIEWS} }} }}
  }}
}}{_WHO}"""

MORE_EVENTS = f"""
query Events($owner: String!, $name: String!, $number: Int!, $after: String!) {{
  {_REPOSITORY} {{
    databaseId
    pullRequest(number: $number) {{
      timelineItems(first: 100, after: $after, itemTypes: {_KINDS}) {{ {_EVENTS} }}
    }}
  }}
}}{_WHO}"""
