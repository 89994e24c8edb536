"""The chains of the gateway's nft table, a file for each family of them."""
