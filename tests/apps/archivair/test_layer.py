"""Text layers of PDF pages: taken when they are the page's own, compared when they are old."""

from apps.archivair.layer import compare_layer, read_layer
from apps.archivair.pages import LayerWord
from apps.archivair.pdf_pages import OLD_LAYER_CODE
from apps.archivair.recognise import ServerReader
from shared.contracts.finding import Finding
from tests.apps.archivair.doubles import InkReader, cleaned, draw_lines, ink_bands, page, reading

TEXTS = ["Der Bauherr ist sehr zufrieden"] * 6
GRAY = draw_lines(TEXTS, size=(1000, 600))


def layer_words(gray=GRAY, texts=TEXTS):
    words = []
    for (left, top, right, bottom), text in zip(
        sorted(ink_bands(gray), key=lambda band: band[1]), texts, strict=False
    ):
        step = (right - left) / len(text)
        x = float(left)
        for word in text.split(" "):
            words.append(LayerWord(word, (x, float(top), x + step * len(word), float(bottom))))
            x += step * (len(word) + 1)
    return tuple(words)


def read(read_text, **more):
    values = {"layer": layer_words()} | more
    reader = ServerReader(InkReader(text=read_text))
    return read_layer(page(GRAY, **values), cleaned(GRAY), reader)


def test_the_pages_own_text_is_taken():
    layer = read(TEXTS[0])
    assert layer is not None
    assert [line.text for block in layer.blocks for line in block] == TEXTS
    assert layer.finding.code == "digital"
    for block in layer.blocks:
        for line in block:
            for word in line.words:
                left, top, right, bottom = word.box
                assert 0 <= left < right <= 1000
                assert 0 <= top < bottom <= 600


def test_a_layer_that_disagrees_with_a_sample_is_not_taken():
    assert read("Ganz anderer Text als dort") is None


def test_a_layer_that_leaves_lines_out_is_not_taken():
    assert read(TEXTS[0], layer=layer_words(texts=TEXTS[:3])) is None


def test_a_page_without_layer_or_with_an_old_one_is_read():
    assert read(TEXTS[0], layer=()) is None
    assert read(TEXTS[0], notes=(Finding("ok", OLD_LAYER_CODE, "alt"),)) is None


def test_an_old_layer_is_compared():
    old = Finding("ok", OLD_LAYER_CODE, "alt")
    own = reading([TEXTS], findings=(old,))
    compared = compare_layer(page(GRAY, layer=layer_words()), own)
    (finding,) = compared.findings
    assert finding.code == "textebene_vergleich"
    assert "100 %" in finding.german
    other = compare_layer(page(GRAY, layer=layer_words()), reading([["xyz"]]))
    assert "zu 0 %" in other.findings[0].german or "zu 1 %" in other.findings[0].german


def test_no_layer_nothing_to_compare():
    own = reading([TEXTS])
    assert compare_layer(page(GRAY), own) is own
