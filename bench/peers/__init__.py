"""The same job as other engineers would write it: fair, readable, and run beside ours."""
