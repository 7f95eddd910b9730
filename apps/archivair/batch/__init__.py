"""A batch of scanned pages as documents: cut, named, with fields; what people decided included."""
