"""How each kind of recipe works on tiles."""
