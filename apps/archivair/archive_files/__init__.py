"""Files that an archive keeps: PDF/A-3b with its checker, manifest and transfer note."""
