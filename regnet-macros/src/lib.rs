//! The regnet! procedural macro: parse, check, expand.
