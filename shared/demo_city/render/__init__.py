"""From painted areas to pixels: height, light, texture, camera, and the exact labels."""
