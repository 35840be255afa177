"""Runs the daemon: `python -m ops.local OPTIONS FOLDER`; use `daemon.start` instead."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from provision.errors import PipelineError

from .daemon import Options, main

logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level="INFO")
chosen = json.loads(sys.argv[1])
chosen["retry_delays_s"] = tuple(chosen["retry_delays_s"])
chosen["faults"] = tuple(chosen["faults"])
try:
    main(Options(**chosen), Path(sys.argv[2]))
except PipelineError as error:
    sys.exit(" ".join(filter(None, (error.what, error.why, error.fix))))
