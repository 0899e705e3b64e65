"""Share what several commands of `pose` need: kinds of arguments, flags, warnings and exported checkpoints."""
