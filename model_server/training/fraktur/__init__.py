"""Training of the recogniser for lines set in Fraktur."""
