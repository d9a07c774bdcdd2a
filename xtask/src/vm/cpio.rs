//! A writer of cpio archives in the form the kernel unpacks (`newc`, Documentation/driver-api/early-userspace/
//! buffer-format.rst): enough for an initramfs, and no tool to install.

/// File types of `st_mode`.
const FOLDER: u32 = 0o040_000;
const DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;

/// An archive being written.
#[derive(Debug, Default)]
pub struct Cpio {
    bytes: Vec<u8>,
    entries: u32,
}

impl Cpio {
    /// A folder; its parent must come first.
    pub fn folder(&mut self, name: &str) {
        self.entry(name, FOLDER | 0o755, 2, (0, 0), &[]);
    }

    /// A character device.
    pub fn device(&mut self, name: &str, major: u32, minor: u32) {
        self.entry(name, DEVICE | 0o600, 1, (major, minor), &[]);
    }

    /// A file with permissions `mode`.
    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entry(name, FILE | mode, 1, (0, 0), content);
    }

    /// The whole archive.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, 1, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, links: u32, device: (u32, u32), content: &[u8]) {
        let name_size = name.len() as u32 + 1;
        self.entries += 1;
        // Inode, mode, owner, group, links, time, size, device, device of a device file, name's size, checksum.
        let fields = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            content.len() as u32,
            0,
            0,
            device.0,
            device.1,
            name_size,
            0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    /// Header with name, and content, each end on a multiple of four.
    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Cpio;

    #[test]
    fn one_file_is_laid_out_as_the_format_says() {
        let mut cpio = Cpio::default();
        cpio.file("ab", 0o755, b"12345");
        let bytes = cpio.finish();
        assert_eq!(&bytes[..14], b"07070100000001");
        assert_eq!(&bytes[14..22], b"000081ED", "mode");
        assert_eq!(&bytes[54..62], b"00000005", "size");
        assert_eq!(&bytes[94..102], b"00000003", "name with its zero");
        assert_eq!(&bytes[110..116], b"ab\0\0\0\0", "padded from 113 to 116");
        assert_eq!(&bytes[116..124], b"12345\0\0\0");
        assert_eq!(&bytes[124 + 110..], b"TRAILER!!!\0\0\0\0");
    }
}
