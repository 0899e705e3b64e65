"""Make message classes of packages that are not installed, with fields and defaults as in rosidl's classes."""


def message_class(name, constants=(), **defaults):
    """Return a class that accepts its fields only; defaults has a value, a class or a function for each field."""

    def init(self, **fields):
        assert set(fields) <= set(defaults), "%s has no %s" % (name, sorted(set(fields) - set(defaults)))
        for field, default in defaults.items():
            setattr(self, field, fields[field] if field in fields else default() if callable(default) else default)

    return type(name, (), dict(constants, __init__=init))
