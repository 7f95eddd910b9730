"""Library that all apps of the gallery share; imports neither apps nor the model server."""

__version__ = "0.1.0"
