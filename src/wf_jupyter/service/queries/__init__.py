"""Queries about executions, and where the answers come from."""
