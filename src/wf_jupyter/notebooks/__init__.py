"""A notebook as a workflow: its cells are the tasks, what they read and bind the edges.

`source` knows the file, `flow` what a cell reads and binds as far as its text tells, `workflow` draws the graph.
What runs: `cells` is the code of a cell's task, in a worker; `session` is what all tasks of one execution share;
`process` and `trunk` are the two ends of the one kernel that goes down the notebook. `outcome` is what comes back.
"""
