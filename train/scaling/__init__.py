"""A model of the distributed loop, and what it forecasts for more cores."""
