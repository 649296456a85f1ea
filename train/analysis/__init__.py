"""Analysis of policies: ADR reports, success by stratum, probes of the memory, perturbations.

The mathematics is in `adr`, on plain numbers; this folder runs the policies and writes the pages.
"""
