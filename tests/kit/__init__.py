"""What tests are written with: packets, messages, strategies and a gateway to send them through."""
