"""The commands, one file each: options first, then what runs.

A command returns a `render.Result`; `ops.cli` shows it and turns it into an exit code.
"""
