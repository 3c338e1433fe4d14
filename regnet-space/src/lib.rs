//! RegNet and AnyNet design-space arithmetic: parameters, stages, the layer graph, complexity, presets.
