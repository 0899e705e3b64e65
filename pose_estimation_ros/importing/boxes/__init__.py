"""Tell what a foreign detector takes and gives, and give its outputs the package's names."""
