"""Still pictures of workflows and executions: text, HTML and SVG.

What is drawn here is kept in saved notebooks and compared from run to run, so a picture holds no
ids, times or durations, and the same graph in the same state is drawn the same in every process.
"""
