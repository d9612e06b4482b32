"""RECORD -> drawing -> figure. One file for each plot in `kinds/`, one for each library in `draw/`.

`drawing_of` makes a drawing of numbers and words; `plot` has a library draw it.
"""

from eigentail.plots.drawing import Drawing
from eigentail.plots.kind import Plot, plots
from eigentail.plots.make import drawing_of, plot
from eigentail.plots.renderer import Renderer, renderers
from eigentail.plots.write import save

__all__ = ["Drawing", "Plot", "Renderer", "drawing_of", "plot", "plots", "renderers", "save"]
