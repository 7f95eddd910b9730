"""ArchivAIr: scanned building files become readable text with positions and honest confidence."""
