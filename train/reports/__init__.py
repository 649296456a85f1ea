"""Reports for people: the page of a run, comparisons of runs, videos, live views."""
