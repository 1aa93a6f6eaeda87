"""The live view in a notebook: an anywidget around the bundle in `static/`, and its relay."""
