//! `keys`: the keys that seal tokens.

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;

use super::progress::counter;
use crate::{
    config,
    crypto::{Field, Keyring, SealContext},
    process::startup::check_keys,
    store::{SealedColumn, SealedText, Store},
};

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Print a fresh key as `id:base64`, this once. Put it first in TOKEN_KEYS to seal with it.
    Generate {
        /// The key's id: letters, digits, `-` and `_`.
        #[arg(default_value = "k1")]
        id: String,
    },
    /// Check every key against its canary, and that no stored text needs a key that is missing.
    Verify,
    /// Seal again, with the first key, every text that another key sealed. Safe to repeat, and while
    /// workers run.
    Rotate,
}

pub(super) async fn run(command: Keys) -> anyhow::Result<ExitCode> {
    match command {
        Keys::Generate { id } => {
            let text = format!("{id}:{}", Keyring::generate_key());
            Keyring::parse(&text)?;
            println!("{text}");
            Ok(ExitCode::SUCCESS)
        }
        Keys::Verify => verify().await,
        Keys::Rotate => rotate().await,
    }
}

async fn verify() -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh keys", 2)?;
    let keyring = config::keyring()?;
    check_keys(&store, &keyring).await?;
    let mut missing = false;
    for (id, texts) in store.keys_in_use().await? {
        let known = keyring.has(&id);
        missing |= !known;
        println!("{id}: {texts} text(s){}", if known { "" } else { "  MISSING from TOKEN_KEYS" });
    }
    println!("sealing with {}", keyring.sealing_id());
    Ok(if missing { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn rotate() -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh keys", 2)?;
    let keyring = config::keyring()?;
    check_keys(&store, &keyring).await?;
    let bar = counter("texts sealed again");
    let (mut sealed, mut failed) = (0_u64, 0_u64);
    let mut after: Option<SealedText> = None;
    loop {
        let texts = store.texts_not_sealed_by(keyring.sealing_id(), after.as_ref(), 500).await?;
        let Some(last) = texts.last() else { break };
        after = Some(last.clone());
        for text in &texts {
            if reseal(&store, &keyring, text).await? {
                sealed += 1;
            } else {
                failed += 1;
            }
            bar.set_position(sealed);
        }
    }
    bar.finish_and_clear();
    println!("sealed {sealed} text(s) again with {}", keyring.sealing_id());
    if failed > 0 {
        bail!("{failed} text(s) could not be opened and were left as they are; `inspect --failing` says why");
    }
    Ok(ExitCode::SUCCESS)
}

/// Seals one text again unless it was replaced meanwhile; returns whether it could be opened.
async fn reseal(store: &Store, keyring: &Keyring, text: &SealedText) -> anyhow::Result<bool> {
    let field = match text.column {
        SealedColumn::AccessToken => Field::AccessToken,
        SealedColumn::RefreshToken => Field::RefreshToken,
        SealedColumn::ClientSecret | SealedColumn::StandbySecret => Field::ClientSecret,
    };
    let context = SealContext::new(field, text.row, text.environment);
    let Ok(opened) = keyring.open(&context, &text.sealed) else { return Ok(false) };
    store.reseal(text, &keyring.seal(&context, &opened)).await?;
    Ok(true)
}
