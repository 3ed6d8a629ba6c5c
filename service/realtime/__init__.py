"""Live updates (§6): what the streams say, told to the sockets of this process that may hear it.

`feed` reads the streams, `listeners` knows who is connected, `access` asks the rulebook,
`sockets` speaks Socket.IO, `reader` hands out what happens, `replay` what was missed, `survey`
knows where that is, and `latest` what was last said of each thing.
"""
