"""Build an engine by the programs of its vendor, and publish it as one folder.

    python PAYLOADS build_engine ORDER

ORDER is a JSON file that says which programs run one after another, and what must come of them.
They work in a folder beside the engine's own, which gets the engine's name when all is there. Two
builds of one engine follow each other. Lines of JSON go to stdout, and what the programs write to
the order's log as well. Stdin is a lifeline: when it ends, the one who asked is gone, and so are
the programs and what they made.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.build_files import (
    add_tokenizer,
    check_files,
    check_room,
    no_space_left,
    write_manifest,
)
from clusterkit.payloads.build_place import Place
from clusterkit.payloads.build_stages import StageFailed, Stages, environment
from clusterkit.payloads.digests import Stopped
from clusterkit.payloads.processes import adopt_orphans
from clusterkit.payloads.publishing import publish

INTERRUPTED = 130
WORK = "{work}"


def main() -> NoReturn:
    """Exit with 0: it is there, 1: it could not be built, 130: it was ended."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    stop = threading.Event()
    stages = Stages(tell, Path(order["log"]), stop)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=watch_stdin, args=(stop,), daemon=True).start()
    adopt_orphans()
    try:
        changed = build(order, stages, stop)
    except Stopped:
        tell(event="stopped", why="the one who asked for it went away, or it was told to end")
        sys.exit(INTERRUPTED)
    except StageFailed as error:
        full = no_space_left(Path(order["target"]).parent, stages.last_lines)
        tell(event="error", message=f"{error}{full}")
        sys.exit(1)
    except OSError as error:
        why = no_space_left(Path(order["target"]).parent, [str(error)])
        tell(event="error", message=why.lstrip(": ") or f"{error}. Fix: see who may write there")
        sys.exit(1)
    tell(event="published", folder=order["target"], changed=changed)
    sys.exit(0)


def watch_stdin(stop: threading.Event) -> None:
    """Wait for the end of stdin, then stop everything."""
    while os.read(0, 4096):
        pass
    stop.set()


def build(order: dict[str, Any], stages: Stages, stop: threading.Event) -> bool:
    """Make the engine; False if it is there already, made by another."""
    place = Place.take(Path(order["target"]), stop, tell, verify=order["verify"])
    if place is None:
        return False
    try:
        check_room(place.target.parent, order["room_bytes"])
        for number, stage in enumerate(order["stages"], 1):
            tell(event="stage", name=stage["name"], number=number, of=len(order["stages"]))
            words = [in_folder(word, place.work) for word in stage["argv"]]
            stages.run(stage["name"], words, environment(stage["env"], place.work), stage["cwd"])
        check_files(place.work, order)
        shutil.rmtree(place.checkpoint, ignore_errors=True)
        if order["tokenizer"]:
            add_tokenizer(Path(order["tokenizer"]), place.work)
        write_manifest(place.work, order, tell, stop)
        changed = publish(place.work, place.target)
        place.sync()
        return changed
    finally:
        place.leave()


def in_folder(word: str, work: Path) -> str:
    """A word of the order; what begins with ``{work}`` is a path of the build's."""
    return f"{work}{word[len(WORK) :]}" if word.startswith(WORK) else word


def tell(**event: Any) -> None:
    """Print one event."""
    print(json.dumps(event), flush=True)
