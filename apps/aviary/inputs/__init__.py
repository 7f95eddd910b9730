"""What a run is given: image, area, files beside it."""
