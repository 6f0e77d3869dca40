//! JSON from outside, which may hold tokens: its texts are overwritten when it is dropped.

use serde_json::Value;
use zeroize::Zeroize;

/// A JSON value whose strings are overwritten when it is dropped. Has no `Debug`.
pub(super) struct Json(Value);

impl Json {
    /// Reads `body`, with or without a byte order mark. `None` if it is not one JSON value.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok().map(Self)
    }

    pub(super) fn value(&self) -> &Value {
        &self.0
    }
}

impl Drop for Json {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => {
            for (mut name, mut value) in std::mem::take(fields) {
                name.zeroize();
                wipe(&mut value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
