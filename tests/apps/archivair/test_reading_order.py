"""Reading order: columns stay apart, form rows stay rows, paragraphs become blocks."""

from hypothesis import given, settings, strategies as st

from apps.archivair.lines import TextBox
from apps.archivair.reading_order import Piece, order_lines, rows_of

HEIGHT, PITCH = 30, 40


def piece(key, left, top, width=400, text="Text einer Zeile", slope=0.0):
    return Piece(TextBox(left, top, left + width, top + HEIGHT, slope, 0.9), text, key)


def keys(blocks):
    return [part.key for block in blocks for row in block for part in row]


def test_one_column_from_top_to_bottom():
    pieces = [piece(n, 100, 100 + PITCH * n) for n in range(8)]
    assert keys(order_lines(pieces[::-1])) == list(range(8))


def test_two_columns_are_read_one_after_the_other():
    left = [piece(n, 100, 100 + PITCH * n) for n in range(10)]
    right = [piece(10 + n, 600, 112 + PITCH * n) for n in range(10)]
    mixed = [one for pair in zip(right, left, strict=True) for one in pair]
    assert keys(order_lines(mixed)) == list(range(20))


def test_a_heading_over_two_columns_comes_first_and_a_foot_last():
    left = [piece(1 + n, 100, 200 + PITCH * n) for n in range(8)]
    right = [piece(9 + n, 600, 200 + PITCH * n) for n in range(8)]
    head, foot = piece(0, 100, 100, width=900), piece(17, 100, 600, width=900)
    assert keys(order_lines([foot, *right, *left, head])) == list(range(18))


def test_three_columns():
    columns = [
        [piece(10 * c + n, 100 + 450 * c, 100 + PITCH * n, 380) for n in range(10)]
        for c in range(3)
    ]
    assert keys(order_lines([one for row in zip(*columns, strict=True) for one in row])) == list(
        range(30)
    )


def test_form_rows_stay_rows():
    labels = [piece(2 * n, 100, 100 + PITCH * n, 180, "Bauherr:") for n in range(8)]
    values = [piece(2 * n + 1, 500, 101 + PITCH * n, 150 + 40 * (n % 3), "Weiß") for n in range(8)]
    assert keys(order_lines(values + labels)) == list(range(16))


def test_a_short_signature_block_is_no_column():
    body = [piece(n, 100, 100 + PITCH * n, 800) for n in range(8)]
    signature = [piece(8, 100, 500, 200), piece(9, 600, 500, 200)]
    assert keys(order_lines([*signature, *body])) == list(range(10))


def test_a_wide_gap_starts_a_new_block():
    pieces = [piece(n, 100, 100 + PITCH * n) for n in range(4)]
    pieces += [piece(4 + n, 100, 320 + PITCH * n) for n in range(3)]
    assert [len(block) for block in order_lines(pieces)] == [4, 3]


def test_pieces_of_one_line_join_though_it_slopes():
    rows = rows_of([piece(1, 600, 112, slope=0.02), piece(0, 100, 100, slope=0.02)])
    assert [[part.key for part in row] for row in rows] == [[0, 1]]


def test_nothing_to_order():
    assert order_lines([]) == []


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 1500), st.integers(0, 2000), st.integers(20, 900)), max_size=25
    )
)
def test_no_piece_is_lost_or_doubled(places):
    pieces = [piece(n, x, y, width) for n, (x, y, width) in enumerate(places)]
    assert sorted(keys(order_lines(pieces))) == list(range(len(pieces)))
