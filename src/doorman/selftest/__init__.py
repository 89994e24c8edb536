"""A test call through a gateway that serves, between two hosts that are not there: `doorman selftest`."""
