"""Learners on Ray that share every batch."""
