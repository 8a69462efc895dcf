import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_app.release.text.tokens import MOST_CHARACTERS, QueryWord, query_words, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red SOFA, 2-seater (used)", ["red", "sofa", "2", "seater", "used"]),
        ("", []),
        ("café Crème BRÛLÉE", ["cafe", "creme", "brulee"]),
        ("cafe\u0301", ["cafe"]),
        ("Straße Smørrebrød Łódź Đà Nẵng œuvre", ["strasse", "smorrebrod", "lodz", "da", "nang", "oeuvre"]),
        ("İstanbul ISPARTA ışık", ["istanbul", "isparta", "isik"]),
        ("Ёлка ёлка", ["елка", "елка"]),
        ("ΣΊΣΥΦΟΣ", ["σισυφοσ"]),
        ("ＡＢＣ１２３", ["abc123"]),
        ("soft\u00adhyphen zero\u200bwidth", ["softhyphen", "zerowidth"]),
        ("snake_case it's", ["snake", "case", "it", "s"]),
        ("हिन्दी किताब", ["हिन्दी", "किताब"]),
        ("שָׁלוֹם", ["שלום"]),
        ("كِتَابٌ", ["كتاب"]),
    ],
)
def test_text_is_split_into_folded_words(text: str, words: list[str]):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("红色沙发", ["红色", "色沙", "沙发", "发"]),
        ("発", ["発"]),
        ("iPhone15手机壳", ["iphone15", "手机", "机壳", "壳"]),
        ("ガラス", ["ガラ", "ラス", "ス"]),
        ("ｶﾞﾗｽ", ["ガラ", "ラス", "ス"]),
        ("소파 베드", ["소파", "파", "베드", "드"]),
        ("\u1109\u1169\u1111\u1161", ["소파", "파"]),
        ("โซฟา", ["โซ", "ซฟ", "ฟา", "า"]),
    ],
)
def test_scripts_without_blanks_are_split_into_pairs(text: str, words: list[str]):
    assert words_of(text) == words


@pytest.mark.parametrize(
    "text", ["", " \t\n", "!?*()\"'", "😀 👍🏽 👩‍👩‍👧 ❤️ 🇩🇪", "\0", "\ud800", "\ufffd\uffff", "\u0301", "\ufe0f"]
)
def test_text_without_letters_or_digits_has_no_words(text: str):
    assert words_of(text) == []
    assert query_words(text) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("red sofa", [QueryWord("red"), QueryWord("sofa", prefix=True)]),
        ("red red", [QueryWord("red", prefix=True)]),
        ("red sofa red", [QueryWord("red", prefix=True), QueryWord("sofa")]),
        ("沙发", [QueryWord("沙发")]),
        ("红色沙", [QueryWord("红色"), QueryWord("色沙")]),
        ("沙 red 发", [QueryWord("沙", prefix=True), QueryWord("red"), QueryWord("发", prefix=True)]),
    ],
)
def test_the_last_word_of_a_query_may_be_the_beginning_of_one(text: str, words: list[QueryWord]):
    assert list(query_words(text)) == words


def test_operators_of_search_languages_are_words():
    assert [word.text for word in query_words('NEAR("red" AND sofa*) OR title:^x -y')] == [
        "near", "red", "and", "sofa", "or", "title", "x", "y",
    ]  # fmt: skip


def test_long_words_are_cut_alike_in_texts_and_queries():
    (word,) = words_of("A" * 100_000)
    assert word == "a" * MOST_CHARACTERS
    assert query_words("a" * 100)[0].text == word


def _found(word: QueryWord, words: set[str]) -> bool:
    return word.text in words or (word.prefix and any(word.text <= other < word.end for other in words))


@given(st.text(max_size=60))
def test_a_text_is_found_by_itself(text: str):
    words = set(words_of(text))
    assert all(_found(word, words) for word in query_words(text))


@given(st.text(st.sampled_from("红色沙发abc 소파ガラス"), max_size=20), st.data())
def test_a_text_is_found_by_any_part_of_it_that_ends_a_word(text: str, data: st.DataObject):
    starts = [at for at in range(len(text)) if at == 0 or not (text[at - 1].isascii() and text[at].isascii())]
    if not starts:
        return
    start = data.draw(st.sampled_from(starts))
    end = data.draw(st.integers(start, len(text)))
    words = set(words_of(text))
    assert all(_found(word, words) for word in query_words(text[start:end]))
