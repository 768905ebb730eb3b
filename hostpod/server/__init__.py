"""HTTP for people and tools: reads a snapshot, asks the engine, decides nothing."""
