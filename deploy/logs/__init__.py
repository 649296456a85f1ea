"""The log of a run (MCAP): writer, reader, replay, report and summary."""
