//! Statically typed RegNet layers, blocks, stages and networks for dfdx.
