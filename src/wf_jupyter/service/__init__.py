"""The imperative shell around the engine: one thread, one event loop, many executions.

The only asyncio of the product, and the only place where engine, store and executors meet. It knows
nothing of Jupyter, tornado or WebSockets.
"""
