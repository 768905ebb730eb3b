"""The only part that waits: one worker owns one pod: observe, plan, execute, sleep until woken."""
