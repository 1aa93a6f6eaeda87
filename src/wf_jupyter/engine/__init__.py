"""The orchestrator's mind: pure, synchronous, silent.

Theory of operation. One execution is one `ExecutionState`. What happens to it arrives as a stimulus;
`decide` answers with events, `apply` is the only code that changes the state, and `settle` adds the
events that follow from the state alone (a task whose upstream failed is skipped, a mapped task whose
list is known grows its items, an execution with nothing left ends). `step` runs the three until
nothing more follows. `plan` says what should be running but is not. `fold` is the other reader of
events: it makes the picture that people see. There is no clock, no I/O and no randomness in here:
time and jitter come in as arguments.

Cost: every event is O(1) plus the dependents it wakes; nothing walks the graph.
"""
