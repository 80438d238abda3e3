"""kernels: not written yet."""
