"""What the business means: pure values in, values out. No clock, no chance, no I/O."""
