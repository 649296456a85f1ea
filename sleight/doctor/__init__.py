"""`sleight doctor`: what is installed, what works here, and how fast training will be.

It is run when things are broken, so it needs only the standard library: packages, renderers and
measurements are tried in child processes, and what fails there is a row of the table.
"""
