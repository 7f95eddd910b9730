"""What each task does with its items before and after the model."""
