"""`doorman selftest`: its command line, what it asks of the gateway, and what it shows."""
