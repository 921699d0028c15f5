#!/usr/bin/python3
"""backend.py PORT WORD: answers every request on 127.0.0.1:PORT with WORD."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from lib.backends import Backend  # noqa: E402

Backend(sys.argv[2] + "\n", port=int(sys.argv[1])).thread.join()
