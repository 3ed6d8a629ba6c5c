"""Live updates: events of the streams, sent to the sockets of this process that may receive them.

`sockets` serves Socket.IO, and `listeners` holds its clients. `reader` sends new events. `replay`
sends missed ones, which `history` finds and `current_state` refreshes. `access` queries SQL.
`emitter` queues packets and disconnects clients.
"""
