"""Find out what is installed on this machine, what is missing, and what would mend it; nothing here imports NumPy."""
