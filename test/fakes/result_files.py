"""The files of an evaluation of bags."""


def files(folder):
    """Name -> content of all that must not depend on who wrote it."""
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("timings.json", "report.html")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.name != "summary.json"}
