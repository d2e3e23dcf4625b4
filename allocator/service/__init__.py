"""What `api.py` is put together from: access, problems, answers in every format, the routes."""
