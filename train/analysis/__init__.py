"""The analysis that users come for: reports of ADR, strata, probes of the memory, perturbations.

The mathematics is in `adr`, on plain numbers; here the policies play, and the pages are made.
"""
