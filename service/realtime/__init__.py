"""Live updates: events of the streams, sent to the sockets of this process that may receive them.

`listeners` holds the connected clients, `access` asks SQL, `sockets` serves Socket.IO, `reader`
sends new events, `replay` sends missed ones, `survey` finds those, and `latest` holds the last
state of each thing.
"""
