"""The commands of the EXEC modes, one small file per family; `modes` lists which mode has which.

Their functions take the `Terminal`, then the grammar's variables. They return an `Output` to show, lines to tell, or
None, and raise `Refused`.
"""
