"""What the live gateway needs of the machine, found by trying."""
