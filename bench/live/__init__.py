"""The benches of the live gateway: networks, generators, and one module for each figure."""
