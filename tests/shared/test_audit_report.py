"""The report that the accessibility statement quotes."""

from pathlib import Path

import pytest

from shared.registry.audit import AUDIT_FILE, read_audit


def test_the_committed_report_is_read_and_clean() -> None:
    audit = read_audit(AUDIT_FILE)
    assert audit is not None
    assert audit.grave == 0
    assert audit.axe_allowances <= 3
    assert {row["mode"] for row in audit.pages} == {"light", "dark", "mobile"}


@pytest.mark.parametrize("content", ["", "[]", '{"grave": -1}'])
def test_no_report_is_better_than_a_broken_one(tmp_path: Path, content: str) -> None:
    file = tmp_path / "audit.json"
    assert read_audit(file) is None
    file.write_text(content, encoding="utf-8")
    assert read_audit(file) is None
