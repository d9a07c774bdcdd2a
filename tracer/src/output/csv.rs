//! Stub.
use crate::report::Report;
use std::io::{self, Write};
/// s
pub fn write_header(_: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
/// s
pub fn write_rows(_: &Report, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
/// s
pub fn write(_: &Report, _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
