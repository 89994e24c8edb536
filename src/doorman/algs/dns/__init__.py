"""DNS: addresses of hosts in what is answered, and in the names that are addresses in reverse."""
