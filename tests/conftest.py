"""For every test: no time limit an example, which would fail on a slow machine only."""

from hypothesis import settings

settings.register_profile("lab", deadline=None)
settings.load_profile("lab")
