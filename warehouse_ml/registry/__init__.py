"""Versions, aliases and their history, as rows of tables in the warehouse itself.

`names` and `selector` read what users write, `rows` the tables' rows, `registry` is what a session holds.
"""
