"""Streets, parcels, buildings and the ground between them, in local metres."""
