//! What is refused before an image is made.

use super::binary;
use super::program::Arch;

/// The headers of a program of this machine, with program headers of these types.
fn program(machine: u16, headers: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
    bytes[18..20].copy_from_slice(&machine.to_le_bytes());
    bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
    bytes[56..58].copy_from_slice(&u16::try_from(headers.len()).unwrap().to_le_bytes());
    for header in headers {
        bytes.extend_from_slice(&header.to_le_bytes());
        bytes.extend_from_slice(&[0; 52]);
    }
    bytes
}

#[test]
fn only_static_programs_of_the_right_processor_go_into_an_image() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program");
    let cut = program(62, &[1, 2]);
    for (bytes, arch, problem) in [
        (program(62, &[1, 2]), Arch::Amd64, None),
        (program(183, &[1]), Arch::Arm64, None),
        (program(183, &[1]), Arch::Amd64, Some("machine 183")),
        (program(62, &[6, 3, 1]), Arch::Amd64, Some("crt-static")),
        (b"#!/bin/sh\n".to_vec(), Arch::Amd64, Some("no program")),
        (b"\x7fELF\x02\x01".to_vec(), Arch::Amd64, Some("cut off")),
        (cut[..70].to_vec(), Arch::Amd64, Some("cut off")),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let found = binary::check(&file, arch).map_err(|error| format!("{error:#}"));
        match problem {
            None => found.unwrap(),
            Some(part) => assert!(found.as_ref().is_err_and(|text| text.contains(part)), "{part}: {found:?}"),
        }
    }
}
