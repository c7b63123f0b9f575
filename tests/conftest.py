"""Settings that hold for every test."""

from hypothesis import settings

# Derandomised: the same examples on every run and machine. No deadline: no test asserts on time.
settings.register_profile("ci", derandomize=True, deadline=None, database=None)
settings.load_profile("ci")
