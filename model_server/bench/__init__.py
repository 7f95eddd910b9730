"""What the model server costs, compared with its bare model and with other servers."""
