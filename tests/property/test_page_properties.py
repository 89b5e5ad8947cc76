"""Whatever models, cards, titles and pull requests say, a page shows it and obeys none of it.

The pages are read by a real Markdown parser with HTML and tables switched on. What the forges make of a text beyond
Markdown (mentions, references, bare addresses, emoji) they make of text that is not code: so all there is of such text
has to be this project's own.
"""

import re
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given, settings
from markdown_it import MarkdownIt
from markdown_it.token import Token

from stagewright.core.markdown import MAX_PAGE, address, code, linked, table
from stagewright.core.outcome_page import OutcomePage, outcome_page
from stagewright.core.review_page import ReviewPage, VersionCard, review_page
from stagewright.model.desired import DocumentProblem
from stagewright.model.keys import StageKey
from stagewright.model.plan import Action, PairPlan
from stagewright.model.verdict import RequirementResult, SignOff
from tests.unit.core.test_outcome_page import APPLIED, judged
from tests.unit.core.test_review_page import OPENED, entry, page, proposed

WEB = "https://mlflow.example/#"
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
TRICKS = [
    "@octocat", "@acme/model-risk", "https://evil.example", "www.evil.example", "evil@example.com", "#1", "GH-1",
    "acme/models#1", "a" * 40, "<script>alert(1)</script>", "<!-- stagewright: own -->", "-->", "<img src=x>",
    "![x](https://evil.example/x.png)", "[x](https://evil.example)", "](https://evil.example)", "[x]: https://evil.example",
    "`", "``", "```", "` @octocat `", "`` ` @octocat", "\\`", "\\|", "|", "| @octocat |", "\n\n@octocat", "\r\n# x",
    "\n    x", "\n---\n", "\n- [ ] x", "\n> x", "**x**", "~~x~~", ":tada:", "$x$", "$`x`$", "&#64;octocat", "&lt;b&gt;",
    "\u202e", "\u2028@octocat", "\x00", "\x1b[31m", "\ud800", "\ufeff", "\u00a0", "",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(TRICKS) | st.text(max_size=8), max_size=6).map("".join)


def tokens(text: str) -> list[Token]:
    found: list[Token] = []
    for token in READER.parse(text):
        found += [token, *(token.children or ())]
    return found


def free_text(text: str) -> str:
    """Everything that is shown and is no code."""
    return "\n".join(token.content for token in tokens(text) if token.type == "text")


def shown_code(text: str) -> list[str]:
    return [token.content for token in tokens(text) if token.type == "code_inline"]


def check_inert(text: str, *, words: str) -> None:
    """`words` is the free text of the same page about harmless things."""
    kinds = {token.type for token in tokens(text)}
    assert not {kind for kind in kinds if kind.startswith("html") or kind in {"image", "fence", "s_open", "hr"}}
    for token in tokens(text):
        if token.type == "link_open":
            assert str(token.attrs["href"]).startswith(f"{WEB}/")
    assert free_text(text) == words
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", text)
    text.encode()


def hostile_page(text: str, *, url: bool) -> ReviewPage:
    """A page whose every text from outside is this one."""
    one = proposed(
        reason=text,
        requirements=tuple(
            RequirementResult(rule=text, name=name, state="missing", detail=text, facts=(text,))
            for name in (f"independent of {text}", text)
        ),
        sign_offs=(
            SignOff(
                review=text, person=text, decision="approve", commit=text, first_seen=OPENED, role=text, counted=False,
                reason=text,
            ),
        ),
        unresolved=text or "x",
        declared=None,
        card=VersionCard(
            number=2,
            url=address(WEB, "models", text, "versions", "2") if url else None,
            run_url=address(WEB, "experiments", text, "runs", text) if url else None,
            metrics={text: 0.5, f"{text}|{text}": 0.25},
        ),
        incumbent_card=VersionCard(number=1, url=None, run_url=None, metrics={text: 0.25}),
        pair=PairPlan(
            key=StageKey("credit", "Production"), registered=text, wanted=entry(2), cause=text, drift=False, write=True,
            actions=(Action(kind="alias", model=text, target=text, before=text, after=text),),
        ),
    )  # fmt: skip
    key = StageKey(text, text)
    one = replace(one, verdict=replace(one.verdict, promotion=replace(one.verdict.promotion, key=key)))
    problem = DocumentProblem(file=text, line=1, column=1, reason=text, hint=text or "x", model=text)
    return page(one, head=text, base=text, branch=text, problems=(problem,), behind=text or "x")


HARMLESS = {url: free_text(review_page(hostile_page("harmless", url=url))) for url in (False, True)}


@settings(deadline=None, max_examples=150)
@given(HOSTILE, st.booleans())
def test_review_page_of_hostile_texts_is_inert(text: str, url: bool) -> None:
    made = review_page(hostile_page(text, url=url))
    check_inert(made, words=HARMLESS[url])
    assert len(made) <= MAX_PAGE


@settings(deadline=None, max_examples=200)
@given(HOSTILE)
def test_outcome_page_of_hostile_texts_is_inert(text: str) -> None:
    def made(said: str) -> str:
        one = judged(
            key=said, change=said, answer="pending", reason=said, lacking=(said, said),
            carried=(replace(APPLIED, moves=(said,)), replace(APPLIED, result=said)),
        )  # fmt: skip
        return outcome_page(OutcomePage(commit=said, promotions=(one,), checkpoint="o\n1\nr=\n\n— o s=\n"))

    check_inert(made(text), words=free_text(made("harmless")))


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"]), min_size=1, max_size=40))
def test_code_shows_the_text_as_it_is(text: str) -> None:
    for made in (code(text), f"- a {code(text)} b", linked(text, f"{WEB}/x")):
        assert shown_code(made) == [text]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(HOSTILE, HOSTILE), min_size=1, max_size=4))
def test_table_keeps_its_columns(rows: list[tuple[str, str]]) -> None:
    found = tokens(table(("one", "two"), rows))
    assert sum(token.type == "td_open" for token in found) == 2 * len(rows)
    assert {token.type for token in found if token.children is None and token.type == "text"} <= {"text"}
    assert not free_text(table(("one", "two"), rows)).strip()
