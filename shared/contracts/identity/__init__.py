"""Who acts and what that allows; without database and pages, because the model server reads it."""
