"""Workflows that are started by name."""
