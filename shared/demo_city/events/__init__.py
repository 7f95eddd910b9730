"""What changes between two flights, and the state of the town on a day."""
