"""GitHub: github.com, Enterprise Server and ghe.com, each behind the same ports.

source = GitSource(url=…, branch=…, mirror=…, credentials=client.git_credentials, refs=GITHUB_REFS)
forge = GitHubForge(client, source)
GitHubConversation(client, source, forge), GitHubPullRequests(client, source, forge)
"""

from stagewright.adapters.git.transport import DEFAULT_REFS

# a pull request's head stays readable by its own ref, when its branch or its fork is gone
GITHUB_REFS = (*DEFAULT_REFS, "refs/pull/*/head")
