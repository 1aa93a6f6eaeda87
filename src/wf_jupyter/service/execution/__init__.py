"""One execution at work: its driver, its running attempts, and the capacity that they hold."""

from __future__ import annotations
