"""A model that only decodes: what a call costs beyond it is the server's own share.

It is served like a municipality's own model, from a folder made for one run. Its weights cut five
numbers out of the image and multiply them by nothing, so decoding and preparing the image is all
the work there is.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

NAME = "decode_only"
VERSION = "1.0.0"
GSD_M = 0.1
# onnx.helper: Slice(images, [0,0,0], [1,1,5], axes [1,2,3]) * 0, reshaped to batch x 5 x 1;
# operator set 17. The tests build it again and compare.
WEIGHTS = base64.b64decode(
    "CAgSADqhAgonCgZpbWFnZXMKBGZyb20KAnRvCgRheGVzEgZjb3JuZXIiBVNsaWNlChwKBmNvcm5lcgoEemVybxIHbm90"
    "aGluZyIDTXVsCiIKB25vdGhpbmcKBXNoYXBlEgdvdXRwdXQwIgdSZXNoYXBlEgtkZWNvZGVfb25seSoPCAMQBzoDAAAA"
    "QgRmcm9tKg0IAxAHOgMBAQVCAnRvKg8IAxAHOgMBAgNCBGF4ZXMqEAgDEAc6AwAFAUIFc2hhcGUqDhABIgQAAAAAQgR6"
    "ZXJvWjAKBmltYWdlcxImCiQIARIgCgcSBWJhdGNoCgIIAwoIEgZoZWlnaHQKBxIFd2lkdGhiIgoHb3V0cHV0MBIXChUI"
    "ARIRCgcSBWJhdGNoCgIIBQoCCAFCBAoAEBE="
)
_CARD = f"""
name = "{NAME}"
version = "{VERSION}"
task = "segment"
title_de = "Prüfmodell, das nur dekodiert"
architecture = "yolo_detect"
runtime = ["onnxruntime"]
file = "model.onnx"
sha256 = "{hashlib.sha256(WEIGHTS).hexdigest()}"
classes = [{{ code = 0, key = "nothing", title_de = "Nichts" }}]
outputs = ["instances"]
quality = "demonstration"
limits_de = "Erkennt nichts. Misst, was der Server je Aufruf kostet."

[input]
gsd_best_m = {GSD_M}
gsd_min_m = 0.05
gsd_max_m = 0.2

[limits]
max_batch = 8
memory_mb = 1

[training]
script = "model_server/bench/decode_only.py"
command = "python -m model_server.bench"
seed = 0
data = [{{ name = "keine", licence = "keine", origin = "keine", items = 0 }}]
synthetic = true
date = 2026-11-25
hours_cpu = 0.0
split_rule = "keine"
test_disjoint = true

[[metrics]]
name = "Erkannte Objekte"
value = 0.0
data = "keine"
items = 0
command = "python -m model_server.bench"
measured_on = 2026-11-25

[licence]
weights = "AGPL-3.0-or-later"
data = "keine"
code = "AGPL-3.0-or-later"
redistribute = true

[contact]
text = "Prüfmodell"
"""


def write_model(folder: Path) -> None:
    """Write the model below a folder of models.

    Args:
        folder: What `URBANKI_MODEL_DIR` will name.
    """
    home = folder / NAME / VERSION
    home.mkdir(parents=True)
    (home / "model.onnx").write_bytes(WEIGHTS)
    (home / "card.toml").write_text(_CARD, encoding="utf-8")
    for text in ("README.md", "LICENSE"):
        (home / text).write_text("Prüfmodell\n", encoding="utf-8")
