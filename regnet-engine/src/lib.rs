//! CPU kernels on plain slices for RegNet models, each beside a plain Rust reference.
