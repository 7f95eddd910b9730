"""The one server that runs every model of the gallery."""
