"""A matplotlib backend for tasks: `plt.show()` displays the figures with the task that drew them."""

from __future__ import annotations

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from wf_jupyter.executors.worker.output.display import show_figures


class FigureManager(FigureManagerBase):
    """Figures without a window."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        show_figures()


class FigureCanvas(FigureCanvasAgg):
    """Draws in memory."""

    manager_class = FigureManager


def show(*_: object, **__: object) -> None:
    """Display the open figures and close them."""
    show_figures()
