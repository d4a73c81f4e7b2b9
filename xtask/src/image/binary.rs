//! Looks at a program before it goes into an image in which nothing else is: it has to be static, and for the right processor.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::program::Arch;

/// The program header that names a dynamic linker.
const PT_INTERP: u32 = 3;

/// Checks the headers of a file (ELF-64, little endian).
pub(super) fn check(path: &Path, arch: Arch) -> anyhow::Result<()> {
    let shown = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    let headers = Headers(&bytes);
    ensure!(bytes.starts_with(b"\x7fELF\x02\x01"), "{shown} is no program of a 64-bit Linux");
    let machine = headers.u16(18).with_context(|| format!("{shown} is cut off"))?;
    ensure!(
        machine == arch.machine(),
        "{shown} is a program of machine {machine}, not for {arch}; see --arch"
    );
    let linker = headers.program_headers().with_context(|| format!("{shown} is cut off"))?;
    ensure!(
        !linker.contains(&PT_INTERP),
        "{shown} needs a dynamic linker and libraries, which the image does not have: build it with \
         RUSTFLAGS='-C target-feature=+crt-static' and --target {}",
        arch.target()
    );
    Ok(())
}

struct Headers<'a>(&'a [u8]);

impl Headers<'_> {
    fn take<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.take(at).map(u16::from_le_bytes)
    }

    /// The types of the program headers.
    fn program_headers(&self) -> Option<Vec<u32>> {
        let first = usize::try_from(u64::from_le_bytes(self.take(32)?)).ok()?;
        let (size, count) = (usize::from(self.u16(54)?), usize::from(self.u16(56)?));
        let one = |index: usize| self.take(first.checked_add(index * size)?).map(u32::from_le_bytes);
        (0..count).map(one).collect()
    }
}
