"""The page of a sweep: trials, effects of fields, charts."""
