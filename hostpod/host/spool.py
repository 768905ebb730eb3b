"""A stream of bytes kept in a file for as long as it is needed."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def spooled(chunks: AsyncIterator[bytes], directory: Path) -> AsyncIterator[Path]:
    """The stream as a file below `directory`, which is gone when the block is left or the stream breaks."""
    with tempfile.NamedTemporaryFile(dir=directory, prefix="spool-") as file:
        async for chunk in chunks:
            await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(file.flush)
        yield Path(file.name)
