"""The embedded proxy: TCP and HTTP/1.1, before one upstream, with faults and measures."""
