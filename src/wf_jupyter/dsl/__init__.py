"""What authors of workflows write: tasks, workflows, and the tracing that turns a body into a draft."""
