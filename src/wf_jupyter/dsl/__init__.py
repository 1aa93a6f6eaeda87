"""The language of workflow authors: tasks, workflows, and the tracing that turns a body into a draft."""
