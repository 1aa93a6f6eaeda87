"""What can be asked of executions, and where the answers come from."""
