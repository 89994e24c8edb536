"""Application formats: bytes to values and where in the bytes each stands. No state, no NAT."""
