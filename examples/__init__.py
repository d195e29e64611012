"""Programs that run: each prints, and its docstring holds what it prints."""
