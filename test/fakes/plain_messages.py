"""Message classes of packages that are not installed here: fields and defaults as rosidl's, other keywords refused."""


def message_class(name, constants=(), **defaults):
    """defaults: by field, a value, or a class or function that makes one."""

    def init(self, **fields):
        assert set(fields) <= set(defaults), "%s has no %s" % (name, sorted(set(fields) - set(defaults)))
        for field, default in defaults.items():
            setattr(self, field, fields[field] if field in fields else default() if callable(default) else default)

    return type(name, (), dict(constants, __init__=init))
