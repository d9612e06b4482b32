"""Drawing -> figure. One file for each plotting library, loaded when a figure is asked for."""
