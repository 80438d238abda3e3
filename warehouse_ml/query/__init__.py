"""The way of a query: SQL text -> calls -> versions and features -> the text that the engine runs.

`parse` finds the calls by their tokens; `bind` resolves each and splices its replacement into the user's own
text. Between them: `blocks` and `sources` say what is in scope at a call, `arguments`, `stars`, `structs` and
`table_form` how each form of a call is read, `coerce` which types fit.
"""
