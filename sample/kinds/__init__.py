"""The drawings of each kind of product: one module per category, one function per kind."""
