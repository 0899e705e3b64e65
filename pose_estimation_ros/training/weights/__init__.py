"""Load weights that the authors of networks published into the networks of this package."""
