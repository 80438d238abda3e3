"""What `import_onnx` is made of: checks, a probe in a process of its own, inputs and outputs."""
