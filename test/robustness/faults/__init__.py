"""What goes wrong on robots, done to the real node: `make faults`; a light part is test/robustness/test_faults.py."""
