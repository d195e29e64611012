"""Functions that run in processes of their own: modules that such a process can import."""
