"""A fake that takes data."""

CALLS: list[dict] = []  # what it was run with


def run(settings: object, **options: object) -> None:
    CALLS.append({"settings": settings, **options})
