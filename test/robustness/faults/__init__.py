"""Do to the real node what goes wrong on robots: `make faults`, and in part test/robustness/test_faults.py."""
