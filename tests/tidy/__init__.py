"""Rules of the house that no single module can keep: read from the sources themselves."""
