"""The report of a sweep: table of trials, effects of fields, charts."""
