"""Users' values as bytes. Only kernels and workers import this package; the server reads `container` alone."""
