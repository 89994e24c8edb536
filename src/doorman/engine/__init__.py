"""The road of a packet through the gateway. Takes packets and the time, gives packets and changes; touches nothing."""
