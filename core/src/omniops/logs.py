"""Logging for all processes: structured, one line per event, on standard error, never personal data."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any, Literal

import structlog

from omniops.errors import OmniOpsError


def configure(level: str, style: Literal["auto", "json", "text"]) -> None:
    """Sets logging up once per process. `auto`: text on a terminal, JSON otherwise. Library loggers go the same way."""
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: Any = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _safe_exception,
                render,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("procrastinate", "trafilatura", "httpx2", "httpcore2", "aiohttp.access", "alembic"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def _safe_exception(_logger: Any, _method: str, event: Any) -> Any:
    """Exceptions by type and place. Their text may quote a person's words, so only our own errors' text is kept."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[1] is not None:
        error: BaseException = info[1]
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        event["error"] = type(error).__name__
        if isinstance(error, OmniOpsError):
            event["said"] = str(error)
        if state := getattr(error.__cause__ or error, "sqlstate", None):
            event["sqlstate"] = state
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        event["at"] = [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno}" for frame in frames]
    return event


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of a room, for example `logger("knowledge")`."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound
