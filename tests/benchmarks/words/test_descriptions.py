from benchmarks.words.descriptions import LONGEST, SHORTEST, described
from benchmarks.words.search import titles


def test_photos_of_a_product_share_their_description():
    vocabulary, items = titles(400)
    found = described(items, vocabulary)
    texts = [(item.description or "").split() for item in found]
    assert texts[::2] == texts[1::2]
    assert {len(words) for words in texts} <= set(range(SHORTEST, LONGEST + 1))
    assert min(map(len, texts)) < 40 < 80 < max(map(len, texts))
    assert [item.title for item in found] == [item.title for item in items]
