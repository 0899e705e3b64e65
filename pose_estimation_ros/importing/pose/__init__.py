"""Tell what a foreign pose network takes and gives, and give its outputs the package's names."""
