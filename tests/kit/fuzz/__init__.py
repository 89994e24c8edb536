"""Fuzzing of the SIP gateway: scripts of messages, mutated, and what must hold whatever they say."""
