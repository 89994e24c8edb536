"""The FTP ALG."""
