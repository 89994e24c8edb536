"""Doorman: application-level gateways for NAT and firewalls."""

__version__ = "0.1.0"
