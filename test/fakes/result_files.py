"""Read the files of an evaluation of bags."""


def files(folder):
    """Return {name: content} of all files that must be the same in every run."""
    paths = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("timings.json", "report.html")]
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.name != "summary.json"}
