"""The configuration language: Cisco IOS's, read into a value and rendered back."""
