"""The TFTP ALG."""
