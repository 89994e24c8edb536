"""Gateways that are compared: packets arrive at a side of each, and what leaves is looked at."""
