"""The five papers: what they print, their evaluations, and their tables reproduced.

`suites` has their evaluations by name, `reported` every number they print and the flagfile behind it, `reproduction`
trains and measures the networks of a table, and `reproduced_table` makes the whole of it, measured beside reported.
"""
