"""Machines as other programs list them: one module for each kind of file."""
