//! Declare RegNet image classifiers in one line.
