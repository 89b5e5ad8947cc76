"""Gitea and Forgejo: pull requests, reviews, teams and what is said on them, over their REST API."""
