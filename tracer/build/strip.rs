//! Takes the DWARF out of the object.
//!
//! bpf-linker needs full debug information to write BTF, and cannot leave it out afterwards. Nothing loads it,
//! and it would make the committed file ten times as large.

use anyhow::{Context as _, Result};
use object::{
    build::elf::{Builder, SectionData},
    elf,
};

/// The object without its `.debug_*` sections; code, maps, symbols, `.BTF` and `.BTF.ext` stay.
pub fn debug_info(object: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read(object).context("bpf-linker's output is not an ELF file")?;
    for section in &mut builder.sections {
        let name = section.name.as_slice();
        section.delete |= name.starts_with(b".debug_") || name.starts_with(b".rel.debug_");
    }
    for symbol in &mut builder.symbols {
        let gone = symbol.section.is_some_and(|id| builder.sections.get(id).delete);
        symbol.delete |= gone || symbol.st_type() == elf::STT_FILE;
    }
    // LLVM keeps the names of sections and symbols in one table; the writer wants a table for each.
    if !builder.sections.iter().any(|section| matches!(section.data, SectionData::SectionString)) {
        let names = builder.sections.add();
        names.name = b".shstrtab"[..].into();
        names.sh_type = elf::SHT_STRTAB;
        names.sh_addralign = 1;
        names.data = SectionData::SectionString;
    }
    builder.delete_orphans();
    let mut out = Vec::new();
    builder.write(&mut out).context("cannot write the stripped object")?;
    Ok(out)
}
