"""Turn frames into people by one network each: top-down, bottom-up or one-stage."""
