"""Make models of other programs models of this package, by a rewritten graph and a spec."""
