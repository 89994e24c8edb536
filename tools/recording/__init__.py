"""What `record_examples.py` records with: networks, programs, and the calls that they make."""
