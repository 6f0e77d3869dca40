//! Percent-encoding, as `application/x-www-form-urlencoded` wants it.

/// Appends `text` with everything but RFC 3986's unreserved characters encoded: a bare `#` or `+`
/// would change the token on its way.
pub(super) fn percent_encode(text: &str, to: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => to.push(byte),
            _ => to.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
}
