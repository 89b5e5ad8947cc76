import pytest

from stagewright.core.markdown import MAX_PAGE, MAX_TEXT, address, cell, code, linked, page, plain, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("credit-risk", "`credit-risk`"),
        ("", "` `"),
        (" ", "` `"),
        ("a`b", "``a`b``"),
        ("`a", "`` `a ``"),
        ("a``", "``` a`` ```"),
        (" a ", "`  a  `"),
        ("@dana", "`@dana`"),
        ("two\nlines", "`two\\nlines`"),
        ("a\u202eb\ud800", "`a\\u202eb\\ud800`"),
        ("größer 模型", "`größer 模型`"),
    ],
)
def test_code_is_one_span_that_shows_the_text(text: str, shown: str):
    assert code(text) == shown


def test_code_of_a_long_text_is_cut():
    assert code("x" * (MAX_TEXT + 1)) == f"`{'x' * (MAX_TEXT - 1)}…`"


def test_cell_spells_out_a_bar():
    assert cell("a\\|b") == "`a\\\\x7cb`"


def test_plain_spells_out_what_cannot_be_seen():
    assert plain("a\x1b[31m\u200b") == "a\\x1b[31m\\u200b"


def test_address_of_a_hostile_name_stays_below_its_base():
    url = address("https://mlflow.example/#/models", "../x)](https://evil.example", "versions", "2")
    assert url == "https://mlflow.example/#/models/..%2Fx%29%5D%28https%3A%2F%2Fevil.example/versions/2"
    assert linked("v2", url) == f"[`v2`]({url})"


def test_table_has_a_row_for_each_line():
    assert table(["metric", "now"], [["auc", "0.8"]]) == "| `metric` | `now` |\n| --- | --- |\n| `auc` | `0.8` |"


def test_page_that_fits_is_whole():
    assert page(["one", "two"], end="the end") == "one\n\ntwo\n\nthe end"


def test_page_that_does_not_fit_says_what_is_cut_and_keeps_its_end():
    blocks = [f"{number} {'x' * 1000}" for number in range(100)]
    text = page(blocks, end="the end")
    assert len(text) <= MAX_PAGE
    kept = text.split("\n\n")
    assert kept[: len(kept) - 2] == blocks[: len(kept) - 2]
    assert kept[-2:] == [f"**Cut here**: {100 - len(kept) + 2} more sections do not fit on this page.", "the end"]
