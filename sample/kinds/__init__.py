"""How each kind of thing is drawn: one module per category, one function per kind."""
