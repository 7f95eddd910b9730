"""The one server that runs every model of the gallery."""

import os

# ONNX Runtime (since 1.29) reports sessions and an identifier of the machine to its maker unless
# this stands in the environment before it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
