"""The kernel's side: submit workflows, follow executions, wherever the orchestrator runs."""
