//! exitpath as a library.
