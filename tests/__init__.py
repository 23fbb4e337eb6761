"""The tests; `pytest` and `trial tests` both run all of them."""
