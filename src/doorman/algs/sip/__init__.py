"""SIP (RFC 3261) with session descriptions (RFC 8866): headers, media, calls, and the ALG that ties them together."""
