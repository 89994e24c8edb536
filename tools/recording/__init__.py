"""What `record_examples.py` records."""
