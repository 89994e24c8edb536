"""The RCMD ALG."""
