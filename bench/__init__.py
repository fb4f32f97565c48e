"""The same job on this house and on its peers, side by side in one run: ``python -m bench``."""
