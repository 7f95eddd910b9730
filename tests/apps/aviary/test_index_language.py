"""Index expressions: right by hand, and nothing else than what the language has."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st

from apps.aviary.kinds.index_language import break_classes, evaluate_index, parse_index
from shared.errors import IndexRefused

BANDS = {
    "red": np.array([[50, 0, 200]], dtype=np.uint8),
    "green": np.array([[10, 20, 30]], dtype=np.uint8),
    "blue": np.array([[1, 2, 3]], dtype=np.uint8),
    "nir": np.array([[150, 0, 100]], dtype=np.uint8),
}


def value(text):
    return evaluate_index(parse_index(text), BANDS)[0].tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(nir - red) / (nir + red)", [0.5, math.nan, -1 / 3]),
        ("2 + 3 * 4 - 6 / 3", [12.0] * 3),
        ("10 - 2 - 3", [5.0] * 3),
        ("16 / 4 / 2", [2.0] * 3),
        ("-2 * -3", [6.0] * 3),
        ("--2", [2.0] * 3),
        ("min(red, green) + max(red, green)", [60.0, 20.0, 230.0]),
        ("abs(green - red)", [40.0, 20.0, 170.0]),
        ("green - red", [-40.0, 20.0, -170.0]),
        ("nir > red", [1.0, 0.0, 0.0]),
        ("green*2>=20", [1.0, 1.0, 1.0]),
        ("(red < 100) * 5", [5.0, 5.0, 0.0]),
        ("red / red < 2", [1.0, math.nan, 1.0]),
        ("min(1, nir / red)", [1.0, math.nan, 0.5]),
        ("1 / (nir / red)", [1 / 3, math.nan, 2.0]),
        ("max(0, 1 / (red - red))", [math.nan] * 3),
        ("1 / (1000000000 * 1000000000 * 1000000000 * 1000000000 * 1000000000)", [math.nan] * 3),
        (".5*blue", [0.5, 1.0, 1.5]),
        ("7", [7.0] * 3),
    ],
)
def test_values_by_hand(text, expected):
    assert value(text) == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_the_bands_are_named():
    assert parse_index("(nir - red) / b4").bands == {"nir", "red", "b4"}
    with pytest.raises(KeyError):
        evaluate_index(parse_index("b4"), BANDS)


@pytest.mark.parametrize(
    ("text", "place", "token"),
    [
        ("", 1, ""),
        ("   ", 4, ""),
        ("nir +", 6, ""),
        ("nir red", 5, "red"),
        ("(nir", 5, ""),
        ("nir)", 4, ")"),
        ("swir + 1", 1, "swir"),
        ("b0", 1, "b0"),
        ("b10", 1, "b10"),
        ("__import__('os')", 1, "__import__"),
        ("nir.real", 4, ".real"),
        ("nir ** 2", 6, "*"),
        ("nir[0]", 4, "[0]"),
        ("lambda: 1", 7, ": 1"),
        ("lambda", 1, "lambda"),
        ("min(nir)", 8, ")"),
        ("abs(nir, red)", 8, ","),
        ("min", 4, ""),
        ("1 < nir < 3", 9, "<"),
        ("1e5", 2, "e5"),
        ("99999999999", 1, "9999999999"),
        ("nir; red", 4, "; red"),
        ("NIR", 1, "NIR"),
        ("nir = 1", 5, "= 1"),
        ("1.2.3", 4, ".3"),
    ],
)
def test_what_is_none_is_refused_at_its_place(text, place, token):
    with pytest.raises(IndexRefused) as refused:
        parse_index(text)
    assert refused.value.details == {"place": place, "token": token}


@pytest.mark.parametrize(
    "text", ["(" * 60 + "nir" + ")" * 60, "-" * 150 + "nir", "abs(" * 40 + "nir" + ")" * 40]
)
def test_deep_and_long_expressions_are_refused(text):
    with pytest.raises(IndexRefused):
        parse_index(text)
    with pytest.raises(IndexRefused):
        parse_index("nir+" * 60 + "nir")


@given(st.text(alphabet="bnrgdiea0123456789.+-*/()<>=, min", max_size=60))
def test_no_text_ends_otherwise(text):
    try:
        index = parse_index(text)
    except IndexRefused:
        return
    named = {name: np.ones((2, 2), dtype=np.uint8) for name in index.bands | {"red"}}
    values = evaluate_index(index, named)
    assert values.dtype == np.float32
    assert values.shape == (2, 2)
    assert not np.isinf(values).any()


def test_breaks_make_classes():
    values = np.array([-1.0, 0.0, 0.2, 0.5, 2.0, math.nan], dtype=np.float32)
    assert break_classes(values, (0.0, 0.5)).tolist() == [0, 1, 1, 2, 2, 255]
    for wrong in ((0.5, 0.5), (1.0, 0.0), (math.nan,), tuple(float(n) for n in range(255))):
        with pytest.raises(ValueError, match="breaks"):
            break_classes(values, wrong)
