"""Random configurations and random packets, for holding two gateways to each other: the engine, and the kernel.

gateways    lines of a configuration, one strategy for each feature
steps       packets, also those that follow from what became of others, one class for each kind
judge       whether two gateways did the same
"""
