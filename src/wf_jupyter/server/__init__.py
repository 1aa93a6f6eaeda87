"""The Jupyter server extension: REST, WebSocket and pages around one orchestrator.

Moves bytes, digests and bounded previews; never unpickles a user's value and imports no user code.
"""
