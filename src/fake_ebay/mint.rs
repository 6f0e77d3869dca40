//! Makes tokens and trace ids that look like eBay's.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

/// Makes tokens from a seed. Trace ids are unique across fakes, so they can be joined by.
pub(super) struct Mint {
    seed: u64,
    minted: AtomicU64,
    logged: AtomicU64,
    /// Tells this fake's trace ids from those of one that ran before it with the same seed.
    run: u64,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, minted: AtomicU64::new(0), logged: AtomicU64::new(0), run: rand::random() }
    }

    /// Randomness for what is named by `name` and `number`, the same for the same seed.
    pub(super) fn random(&self, name: &str, number: u64) -> StdRng {
        // FNV-1a: stable across versions of Rust, which its own hasher is not.
        let bytes = name.bytes().chain(number.to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        StdRng::seed_from_u64(self.seed ^ hash)
    }

    /// An access token of about 2,000 characters.
    pub(super) fn access_token(&self) -> String {
        self.token("v^1.1#i^1#p^3#f^0#I^3#r^0#t^H4sIAAAAAAAA", "access", 1_700..2_100)
    }

    /// A refresh token.
    pub(super) fn refresh_token(&self) -> String {
        self.token("v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8", "refresh", 80..100)
    }

    /// `rlogid` and `x-ebay-c-request-id` of one answer.
    pub(super) fn trace_ids(&self) -> (String, String) {
        let number = self.logged.fetch_add(1, Ordering::Relaxed);
        let run = self.run;
        let letters = run.to_le_bytes().map(|byte| char::from(b'a' + byte % 26));
        let letters = String::from_iter(letters);
        let rlogid = format!("t6{letters}%60jhs%3F%3Cofs-{:011x}-0x{:x}", run >> 20, number);
        (rlogid, format!("ri={:08x}{number:08x},rci={run:016x}", run >> 32))
    }

    fn token(&self, beginning: &str, kind: &str, chars: std::ops::Range<usize>) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut random = self.random(kind, self.minted.fetch_add(1, Ordering::Relaxed));
        let length = random.random_range(chars);
        let mut bytes = vec![0; length];
        random.fill_bytes(&mut bytes);
        let mut token = String::with_capacity(beginning.len() + length + 1);
        token.push_str(beginning);
        token.extend(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])));
        token.push('=');
        token
    }
}
