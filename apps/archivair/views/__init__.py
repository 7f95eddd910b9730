"""What the page of ArchivAIr is put together from; Streamlit only here and in `page.py`."""
