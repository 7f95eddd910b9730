"""Which recipes there are: built in, taken over from others, made from a model."""
