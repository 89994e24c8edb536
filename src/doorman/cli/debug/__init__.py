"""The `debug` commands: what an ALG does, line by line, in the words of IOS."""
