"""The headless command: its words, its inputs and its batch of images."""
