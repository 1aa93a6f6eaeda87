"""The wire between an orchestrator and its clients, without any I/O: text and bytes in, structs out.

`jsonrpc` frames the WebSocket's messages, `messages` types their parameters and results, `rest` the
bodies and queries of the HTTP interface, `problems` maps the error tree onto both, and `codec` turns
events and values into bytes and back, tolerant of what a newer peer may say.
"""
