"""The words that documents are made of, each with its one spelling."""

from typing import Annotated, Literal

from pydantic import Field

from stagewright.schema.shape import pattern

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
STAGE = r"^[A-Za-z][A-Za-z0-9-]{0,62}$"
DIGEST = r"^sha256:[0-9a-f]{64}$"
LOGIN = r"^@[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9_])?$"
TEAM = r"^@[A-Za-z0-9][A-Za-z0-9._-]{0,98}/[A-Za-z0-9][A-Za-z0-9._-]{0,98}$"
RELATIVE_PATH = r"^[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*(/[A-Za-z0-9_@+-][A-Za-z0-9_.@+-]*)*$"
EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}$"

ModelName = Annotated[
    str,
    pattern(
        NAME,
        "a name of lower-case letters, digits and hyphens, at most 63",
        hint="spec.registeredModel may hold the name that MLflow knows",
    ),
]
StageName = Annotated[str, pattern(STAGE, "a stage's name: a letter, then letters, digits and hyphens, at most 63")]
# What MLflow takes for a registered model's name, less what is invisible or a path: at most 256 characters.
RegisteredName = Annotated[
    str,
    pattern(
        r"^[^/:\s.\\](([^/:\s\\]| ){0,254}[^/:\s\\])?$",
        "a name that MLflow accepts: no slash, colon, leading dot or trailing space",
    ),
]
Digest = Annotated[
    str,
    pattern(DIGEST, "a digest: sha256: and 64 lower-case hex digits", hint="`stagewright digest` computes it"),
]
Text = Annotated[str, Field(min_length=1, max_length=4096)]
Word = Annotated[str, pattern(r"^[!-~]{1,1024}$", "a word of visible ASCII characters")]
Line = Annotated[str, pattern(r"^\S([^\r\n]{0,1022}\S)?$", "one line of text without spaces at its ends")]
RelativePath = Annotated[
    str,
    pattern(
        RELATIVE_PATH,
        "a path relative to this folder: no leading slash, no part that begins with a dot, no space",
        max_length=1024,
    ),
]
Login = Annotated[str, pattern(LOGIN, 'a login, written "@name"')]
Email = Annotated[str, pattern(EMAIL, "an e-mail address")]
Team = Annotated[str, pattern(TEAM, 'a team, written "@organisation/team"')]
Member = Annotated[str, pattern(f"{LOGIN}|{EMAIL}", 'a person: "@name" or an e-mail address')]
Approver = Annotated[
    str,
    pattern(f"^codeowners$|{TEAM}|{LOGIN}|{EMAIL}", 'codeowners, "@organisation/team", "@name" or an e-mail address'),
]
RiskTierWord = Literal["low", "medium", "high"]
ModeWord = Literal["observe", "report", "enforce"]
