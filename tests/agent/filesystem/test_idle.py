"""agent.filesystem.idle, seen by psutil."""

from __future__ import annotations

import threading

import psutil

from agent.filesystem.idle import be_idle


def test_the_calling_thread_alone_becomes_idle() -> None:
    seen = []

    def work() -> None:
        be_idle()
        seen.append(psutil.Process(threading.get_native_id()).ionice().ioclass)

    before = psutil.Process().ionice().ioclass
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [psutil.IOPRIO_CLASS_IDLE]
    assert psutil.Process().ionice().ioclass == before
