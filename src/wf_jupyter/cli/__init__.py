"""`jupyter wf`: executions from a terminal."""
