"""Training of the small models of the default study, one module a recipe."""
