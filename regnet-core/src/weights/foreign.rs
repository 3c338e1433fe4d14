//! Files that people take for weights.

/// How files of a kind begin, what they are and what to do.
const KINDS: [(&[u8], &str); 6] = [
    (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file, as Keras writes: convert it to PyTorch or safetensors first"),
    (b"\x1f\x8b", "it is compressed by gzip: unpack it first, with gunzip or tar"),
    (
        b"version https://git-lfs.",
        "it is a pointer of git LFS, not the file itself: fetch that with `git lfs pull`",
    ),
    (b"<!doctype", HTML),
    (b"<html", HTML),
    (b"<?xml", HTML),
];

const HTML: &str =
    "it is a web page, perhaps one that says why there was no file: look at it, and download the file again";

/// What a file is that begins so, if it is known to be none of weights, and what to do.
pub(super) fn what(start: &[u8]) -> Option<&'static str> {
    // A header's length can look like anything; in safetensors, the header itself follows.
    if start.get(4..9) == Some(b"\0\0\0\0{") {
        return None;
    }
    let text = start.trim_ascii_start();
    let begins = |(magic, _): &&(&[u8], &str)| {
        text.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
    };
    if let Some((_, reason)) = KINDS.iter().find(begins) {
        return Some(reason);
    }
    if text.starts_with(b"{") {
        let index = b"\"weight_map\"";
        return Some(if start.windows(index.len()).any(|window| window == index) {
            "it is the index of weights in several files: merge them into one, as safetensors or with torch.save"
        } else {
            "it is JSON, which describes weights or a network: give the file of weights beside it"
        });
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some(
            "it is a tar archive: unpack it; if PyTorch before 0.1.10 wrote it, load and save it there again",
        );
    }
    // Version and producer, the first fields of ONNX's models.
    if matches!(start, [0x08, 1..=0x20, 0x12, ..]) {
        return Some("it is an ONNX model: give the checkpoint that it was exported from");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::what;

    #[test]
    fn files_are_told_apart() {
        for (start, part) in [
            (&b"\x89HDF\r\n\x1a\n\0"[..], "HDF5"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"version https://git-lfs.github.com/spec/v1\n", "git LFS"),
            (b"\n <!DOCTYPE html>", "web page"),
            (b"<HTML>", "web page"),
            (br#"{"metadata": {}, "weight_map": {}}"#, "several files"),
            (br#"{"network": 1}"#, "JSON"),
            (b"\x08\x08\x12\x07pytorch", "ONNX"),
        ] {
            assert!(what(start).is_some_and(|reason| reason.contains(part)), "{part}");
        }
        let looks_like_gzip = b"\x1f\x8b\x08\0\0\0\0\0{}";
        for weights in [
            &b""[..],
            looks_like_gzip,
            b"{\0\0\0\0\0\0\0{}",
            b"\x40\0\0\0\0\0\0\0{\"a\"",
            b"PK\x03\x04",
            b"\x08\0\0\0\0\0\0\0{}      ",
        ] {
            assert_eq!(what(weights), None);
        }
    }
}
