"""Finds out why a pipeline does not work: what was read once, and one small check a cause.

`facts` reads everything in parallel; a check is a function from Facts to Findings, in the module
of the part it looks at; `diagnosis` runs them all and drops what another finding explains.
"""
