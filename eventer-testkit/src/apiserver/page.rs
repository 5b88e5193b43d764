//! The `continue` token of a list in pages: base64url, without padding, of a little JSON.

use serde_json::{Value, json};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The version that all pages show; -1 for "as it is now", which the server gives out with a 410.
    pub(crate) version: i64,
    /// The first key that may be on the page; a key with a NUL behind it is the smallest after that key.
    pub(crate) start: String,
}

impl Token {
    /// The token for the page behind `key`.
    pub(crate) fn after(version: u64, key: &str) -> Self {
        Self { version: i64::try_from(version).unwrap_or(i64::MAX), start: format!("{key}\0") }
    }

    pub(crate) fn encode(&self) -> String {
        let start = json!(self.start);
        to_base64(format!(r#"{{"v":"meta.k8s.io/v1","rv":{},"start":{start}}}"#, self.version).as_bytes())
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_slice(&from_base64(text)?).ok()?;
        Some(Self { version: value["rv"].as_i64()?, start: value["start"].as_str()?.to_owned() })
    }
}

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| (bits << 8) | u32::from(group.get(at).copied().unwrap_or(0)));
        for at in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for letter in text.bytes() {
        let digit = ALPHABET.iter().position(|other| *other == letter)?;
        bits = (bits << 6) | u32::try_from(digit).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_spelt_like_the_recorded_one() {
        let recorded = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Mzc2MCwic3RhcnQiOiJiYXRjaC1qb2JzL2JpZy0xLjE4ZTlmNzJhY2U0M2ZiNmZcdTAwMDAifQ";
        let token = Token::after(3760, "batch-jobs/big-1.18e9f72ace43fb6f");
        assert_eq!(token.encode(), recorded);
        assert_eq!(Token::decode(recorded), Some(token));
        assert_eq!(Token::decode("garbage"), None);
    }
}
