"""Streams of TCP cut into whole messages: no socket, no segment, one direction at a time."""
