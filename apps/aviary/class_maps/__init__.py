"""Class maps: their files, pictures, reports and areas."""
