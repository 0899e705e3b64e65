"""Feed every decoder and reader with mutations of small valid files and of hostile ones: `make fuzz`."""
