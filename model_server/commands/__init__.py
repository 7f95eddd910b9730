"""What `python -m model_server` can do, one module per command."""
