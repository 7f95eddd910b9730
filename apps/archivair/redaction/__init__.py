"""Find personal data on read pages, take it out of image and text, and prove that it is gone."""
