"""gaussian_process: not written yet."""
