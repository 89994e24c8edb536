"""Who carries out what the engine decides: replay, on captures; later the kernel, on the wire."""
