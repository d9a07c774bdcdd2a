//! The results of `exitpath bench`: a table of its own, and the key `bench` of the JSON object.

mod json;
mod table;

pub use json::object;
pub use table::write;

#[cfg(test)]
mod tests;
