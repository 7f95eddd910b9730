"""What `python -m apps.aviary.evaluate` measures, one module per question."""
