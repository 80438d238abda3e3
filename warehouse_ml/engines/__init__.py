"""The engines: one file each, with the same methods in the same order as `base.Engine`."""
