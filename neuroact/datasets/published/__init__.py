"""The data sets of the field: how each is laid out, one module each."""
