"""What is shown of results: plots, tables, sheets of pictures, pages."""
