"""The commands, one small file per family; `modes` lists which mode has which."""
