"""What the page of aviary is put together from; Streamlit only here and in `page.py`."""
