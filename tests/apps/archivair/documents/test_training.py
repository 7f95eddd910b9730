"""What training sees: varied pages, measured pages, weights that survive their file."""

from dataclasses import replace

import numpy as np

from apps.archivair.documents.field_confidence import (
    FieldWeights,
    read_field_weights,
    write_field_weights,
)
from apps.archivair.documents.look import measure_look
from apps.archivair.documents.page_classes import class_ids, written_titles, written_words
from apps.archivair.documents.train import fit_classes, measure_pages
from apps.archivair.documents.training_data import LabelledPage
from apps.archivair.documents.variation import vary_page
from tests.apps.archivair.documents.pages import (
    ACCEPTANCE_1961,
    APPLICATION_2018,
    PERMIT_1957,
    blank_page,
    written_page,
)


def test_varied_pages_use_words_of_their_class_only() -> None:
    page = written_page(PERMIT_1957)
    known = set(page.text.split())
    usual = set(" ".join([*written_titles("genehmigung"), *written_words("genehmigung")]).split())
    texts = set()
    for seed in range(20):
        varied = vary_page(page, "genehmigung", np.random.default_rng(seed))
        assert set(varied.text.split()) <= known | usual
        assert 0 < len(varied.lines) <= len(page.lines)
        texts.add(varied.text)
    assert len(texts) > 15


def test_variation_is_the_same_for_the_same_seed_and_sometimes_hides_the_look() -> None:
    look = measure_look(np.full((100, 80), 255, dtype=np.uint8))
    page = replace(written_page(PERMIT_1957), look=look)
    one, other = (vary_page(page, "genehmigung", np.random.default_rng(4)) for _ in range(2))
    assert one == other
    looks = [vary_page(page, "foto", np.random.default_rng(seed)).look for seed in range(40)]
    assert 1 <= looks.count(None) <= 20


def labelled(text: str, name: str, number: int) -> LabelledPage:
    return LabelledPage(written_page(text, number), name, number, 1, {})


def test_a_classifier_is_fitted_on_written_pages_and_without_a_fold() -> None:
    stream = [
        labelled(PERMIT_1957, "genehmigung", 1),
        labelled(ACCEPTANCE_1961, "abnahme", 2),
        LabelledPage(blank_page(3), "abnahme", 2, 1, {}),
        labelled(APPLICATION_2018, "bauantrag", 4),
    ]
    measured = measure_pages([stream, stream[:1]], varied=True)
    assert len(measured.numbers) == 8
    assert len(measured.without(0).numbers) == 2
    found = fit_classes(measured).classify([page.content for page in stream])
    assert [one.best for one in (found[0], found[1], found[3])] == [
        "genehmigung",
        "abnahme",
        "bauantrag",
    ]
    assert max(found[2].probabilities) == 0.0
    assert len(found[0].probabilities) == len(class_ids())


def test_formulas_of_fields_survive_their_file() -> None:
    weights = FieldWeights((0.5, -1.25), (2.0,))
    written = write_field_weights(weights, "12 pages")
    assert read_field_weights(written) == weights
    assert "# 12 pages" in written
