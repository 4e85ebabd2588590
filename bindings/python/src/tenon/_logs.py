"""The engine's log goes to Python's: logger "tenon.<area>", from a thread of its own for each engine.

What is asked of the engine is what logger "tenon" lets through when the engine is opened; later changes can only narrow it.
"""
from __future__ import annotations

import logging
import threading
from typing import Dict, List

from ._errors import Error
from ._tenon import Engine, LogStream
from ._values import LogLevel, LogRecord

logger = logging.getLogger("tenon")
logger.addHandler(logging.NullHandler())

_LEVELS = {LogLevel.ERROR: logging.ERROR, LogLevel.WARNING: logging.WARNING, LogLevel.INFO: logging.INFO,
           LogLevel.DEBUG: logging.DEBUG}
_threads: List[threading.Thread] = []


def wanted() -> LogLevel:
    for level in (LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR):
        if logger.isEnabledFor(_LEVELS[level]):
            return level
    return LogLevel.OFF


def forward(engine: Engine) -> None:
    level = wanted()
    if level is LogLevel.OFF:
        return
    _threads[:] = [each for each in _threads if each.is_alive()]
    thread = threading.Thread(target=_run, args=(engine.logs(level=level),), name="tenon-log", daemon=True)
    _threads.append(thread)
    thread.start()


def finish() -> None:
    """Once engines are closed: what they said last has been handed on."""
    for each in list(_threads):
        if each is not threading.current_thread():
            each.join(5)


def _run(stream: LogStream) -> None:
    try:
        while True:
            record = stream.next(3600)
            if record is not None:
                hand_on(record)
    except Error:
        return  # closed, and read to its end


def hand_on(record: LogRecord) -> None:
    target = logging.getLogger(f"tenon.{record.area}" if record.area else "tenon")
    if record.dropped_before:
        target.warning("%d records were lost here: nobody read them in time", record.dropped_before)
    level = _LEVELS.get(record.level, logging.INFO)
    if not target.isEnabledFor(level):
        return
    fields: Dict[str, str] = {each.key: each.value for each in record.fields}
    text = " ".join([record.message, *(f"{key}={value}" for key, value in fields.items())])
    made = target.makeRecord(target.name, level, "", 0, text, (), None,
                             extra={"fields": fields})
    made.created = record.at.timestamp()
    made.msecs = record.at.microsecond // 1000
    target.handle(made)
