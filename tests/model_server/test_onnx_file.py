"""Foreign files are looked through without running them, and opened in a process of their own."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from model_server.commands import onnx_file, onnx_probe
from model_server.commands.names import class_keys, slug
from model_server.commands.onnx_file import NoOnnx, look_through
from model_server.commands.onnx_probe import Port, ProbeFailed, probe
from tests.model_server.foreign_networks import DETECTOR, HEAD, network

NETWORK = network(HEAD, said=DETECTOR).SerializeToString()


def test_looking_through_finds_what_the_library_finds() -> None:
    made = network(HEAD, said=DETECTOR)
    found = look_through(made.SerializeToString())
    assert found.nodes == len(made.graph.node)
    assert found.domains == {""}
    assert found.metadata == {entry.key: entry.value for entry in made.metadata_props}
    assert not found.has_external_data


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_looking_through_never_fails_otherwise(data: bytes) -> None:
    with contextlib.suppress(NoOnnx):
        look_through(data)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_looking_through_survives_changed_files(data: st.DataObject) -> None:
    content = bytearray(NETWORK)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(NoOnnx):
        look_through(bytes(content))


def test_a_file_of_millions_of_parts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "MAX_FIELDS", 1000)
    graph = b"\x0a\x00" * 2000  # empty nodes
    header = b"\x3a" + bytes([0x80 | len(graph) & 0x7F, len(graph) >> 7])
    with pytest.raises(NoOnnx, match="too many parts"):
        look_through(header + graph)


def test_the_engine_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = probe(NETWORK)
    assert found.inputs == (Port("image", (1, 3, 64, 64), "tensor(float)"),)
    with pytest.raises(ProbeFailed):
        probe(b"nothing")
    monkeypatch.setattr(onnx_probe, "TIMEOUT_S", 0.01)
    with pytest.raises(ProbeFailed):
        probe(NETWORK)


def test_the_engine_reports_to_nobody_while_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    probe(NETWORK)
    assert list(tmp_path.iterdir()) == []


def test_keys_are_plain_and_never_twice() -> None:
    assert slug("Größe (m²) – Ställe") == "groesse_m2_staelle"
    titles = ["Dach", "dach!", "屋根", "x" * 100, "x" * 100, "klasse_2"]
    keys = class_keys(titles)
    assert keys[:3] == ["dach", "dach_1", "klasse_2"]
    assert len(set(keys)) == len(titles)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9_]{0,63}", key) for key in keys)
