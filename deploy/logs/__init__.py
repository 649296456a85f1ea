"""The log of a run (MCAP), and what is made of it: replay, report, summary."""
