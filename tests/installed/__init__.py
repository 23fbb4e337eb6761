"""Checks of what is built and installed, run by `.ci/run`."""
