"""What people look at: the page of a run, comparisons, videos, live play."""
