"""The live gateway: an event loop around the engine, and what it serves."""
