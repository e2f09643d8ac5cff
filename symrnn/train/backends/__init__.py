"""Code generators: one program, several machines."""
