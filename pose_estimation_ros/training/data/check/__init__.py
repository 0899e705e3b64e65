"""Check data files: ask the readers of evaluation and training for everything that they refuse or warn about."""
