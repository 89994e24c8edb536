"""The `show` commands: tables as IOS prints them."""
