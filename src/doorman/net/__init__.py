"""Values of the network: addresses, packets, fragments, captures. No sockets."""
