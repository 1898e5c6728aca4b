//! Finds secrets in what must hold none, whatever they were written as, and also where only a part of one is there.

use aho_corasick::AhoCorasick;
use bytes::Bytes;
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};

/// So many bytes of a secret in a row are there by no accident. A multiple of 3: its base64 is the same wherever it begins at
/// a boundary, and one of three parts in a row does.
const PART: usize = 12;

/// What nobody may see.
pub struct Secret {
    name: String,
    bytes: Vec<u8>,
}

impl Secret {
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Secret {
        let secret = Secret { name: name.into(), bytes: bytes.into() };
        assert!(secret.bytes.len() >= PART + 2, "{} is too short to be looked for", secret.name);
        secret
    }
}

/// What a person or a program may see, and what it is.
pub struct Shown {
    pub what: String,
    pub bytes: Vec<u8>,
}

impl Shown {
    pub fn new(what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Shown {
        Shown { what: what.into(), bytes: bytes.into() }
    }
}

/// All that Rust, JSON and Kubernetes make of bytes.
fn forms(part: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let list = |of: fn(&u8) -> String, between: &str| part.iter().map(of).collect::<Vec<_>>().join(between);
    let debug = format!("{:?}", Bytes::copy_from_slice(part));
    let debug = debug[2..debug.len() - 1].to_owned();
    let json = debug.replace('\\', r"\\").replace('"', r#"\""#);
    let percent = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let texts = [
        ("hex", HEXLOWER.encode(part)),
        ("hex", HEXUPPER.encode(part)),
        ("base64", BASE64.encode(part)),
        ("base64", BASE64URL.encode(part)),
        ("a list of numbers", list(u8::to_string, ", ")),
        ("a list of numbers", list(u8::to_string, ",")),
        ("a list of numbers", list(|byte| format!("{byte:02x}"), ", ")),
        ("escaped", debug),
        ("escaped twice", json),
        ("a part of a URL", list(percent, "")),
    ];
    let texts = texts.map(|(form, text)| (form, text.into_bytes()));
    [("it is", part.to_vec())].into_iter().chain(texts).collect()
}

/// A sentence for each secret in each place, without the secret.
pub fn leaks(secrets: &[Secret], shown: &[Shown]) -> Vec<String> {
    let (mut patterns, mut names) = (Vec::new(), Vec::new());
    for secret in secrets {
        for (form, pattern) in secret.bytes.windows(PART).flat_map(forms) {
            patterns.push(pattern);
            names.push(format!("{} as {form}", secret.name));
        }
    }
    let search = AhoCorasick::new(patterns).expect("few patterns");
    let mut found = Vec::new();
    for Shown { what, bytes } in shown {
        let mut here: Vec<String> = search
            .find_overlapping_iter(bytes)
            .map(|at| format!("{what} shows {}", names[at.pattern().as_usize()]))
            .collect();
        here.sort();
        here.dedup();
        found.append(&mut here);
    }
    found
}
