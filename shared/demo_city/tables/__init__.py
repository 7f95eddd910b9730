"""The tables and layers that apps read: addresses, people, places, plans, land cover."""
