"""A test bed in network namespaces: telephones inside and outside, and a gateway between them. Needs root."""
