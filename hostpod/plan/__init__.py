"""Every decision, pure: reconcile, back-off, phase and conditions. No I/O, no clock: time is an argument."""
