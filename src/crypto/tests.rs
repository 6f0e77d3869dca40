//! Properties of sealing: what was sealed opens, everything else is refused for the right reason.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::domain::account::Environment;

const TOKEN: &str = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8xMDpGQUtFLVRPS0VOLUZPUi1URVNUUw==";

fn ring(ids: &[&str]) -> Keyring {
    let entries: Vec<String> = ids.iter().map(|id| format!("{id}:{}", Keyring::generate_key())).collect();
    Keyring::parse(&entries.join(",")).expect("generated keys are good")
}

fn place() -> SealContext {
    SealContext::new(Field::RefreshToken, Uuid::from_u128(7), Environment::Production)
}

fn reason(keyring: &Keyring, context: &SealContext, text: &str) -> DecryptReason {
    let error = keyring.open(context, text).expect_err("must be refused");
    assert!(!error.to_string().contains("v^"), "{error}");
    error.reason()
}

/// A part of a sealed text, by the position of a byte in it.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Prefix,
    Key,
    Hint,
    Length,
    Payload,
    Separator,
}

fn part_at(text: &str, at: usize) -> Part {
    let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).collect();
    match at {
        at if at < FORMAT_PREFIX.len() => Part::Prefix,
        at if colons.contains(&at) => Part::Separator,
        at if at < colons[2] => Part::Key,
        at if at < colons[3] => Part::Hint,
        at if at < colons[4] => Part::Length,
        _ => Part::Payload,
    }
}

fn with_byte(text: &str, at: usize, byte: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = byte;
    String::from_utf8(bytes).expect("ASCII stays ASCII")
}

#[test]
fn every_single_byte_change_is_refused_with_the_reason_of_its_part() {
    let keyring = ring(&["k2", "k1", "k0"]);
    let text = keyring.seal(&place(), TOKEN);
    for at in 0..text.len() {
        for byte in (0..128).filter(|byte| *byte != text.as_bytes()[at]) {
            let changed = with_byte(&text, at, byte);
            let expected = match part_at(&text, at) {
                Part::Prefix => DecryptReason::NotSealed,
                Part::Separator | Part::Length => DecryptReason::Malformed,
                Part::Payload => DecryptReason::Corrupt,
                // A colon inside a part changes the structure.
                Part::Key | Part::Hint if byte == b':' => DecryptReason::Malformed,
                Part::Key if keyring.has(&changed[7..9]) => DecryptReason::Corrupt,
                Part::Key => DecryptReason::UnknownKey,
                Part::Hint => DecryptReason::WrongContext,
            };
            assert_eq!(reason(&keyring, &place(), &changed), expected, "byte {at} to {byte}: {changed}");
        }
    }
}

#[test]
fn a_truncation_at_every_length_is_named_with_both_sizes() {
    let keyring = ring(&["key-1"]);
    let text = keyring.seal(&place(), TOKEN);
    let payload = text.rfind(':').expect("five colons") + 1;
    for have in 0..text.len() {
        let error = keyring.open(&place(), &text[..have]).expect_err("cut");
        let expected = match have {
            0..4 => OpenError::NotSealed,
            _ if have < payload => OpenError::HeaderTruncated(have),
            _ => OpenError::Truncated { have, expected: text.len() },
        };
        assert_eq!(error, expected, "cut to {have}");
    }
}

#[test]
fn what_was_appended_is_refused() {
    let keyring = ring(&["k1"]);
    let text = keyring.seal(&place(), TOKEN);
    for tail in ["=", "A", "\n", " ", ":", "\0", "é", &text] {
        assert_eq!(
            reason(&keyring, &place(), &format!("{text}{tail}")),
            DecryptReason::Malformed,
            "{tail:?}"
        );
    }
    for head in [" ", "\u{feff}", "x", "e"] {
        assert_eq!(
            reason(&keyring, &place(), &format!("{head}{text}")),
            DecryptReason::NotSealed,
            "{head:?}"
        );
    }
}

#[test]
fn a_text_opens_in_no_other_row_field_or_environment() {
    let keyring = ring(&["k1"]);
    let text = keyring.seal(&place(), TOKEN);
    let others = Field::ALL
        .iter()
        .flat_map(|field| Environment::ALL.iter().map(move |environment| (*field, *environment)))
        .flat_map(|(field, environment)| {
            [7, 8, 7 << 64].map(|row| SealContext::new(field, Uuid::from_u128(row), environment))
        })
        .filter(|context| *context != place());
    for other in others {
        assert_eq!(reason(&keyring, &other, &text), DecryptReason::WrongContext, "{other:?}");
        // With the hint of the place it was moved to, the tag still knows.
        let moved = text.replace(&place().hint(), &other.hint());
        assert_eq!(reason(&keyring, &other, &moved), DecryptReason::Corrupt, "{other:?}");
    }
}

#[test]
fn a_missing_key_is_told_from_a_wrong_one_and_from_a_changed_name() {
    let (first, second) = (Keyring::generate_key(), Keyring::generate_key());
    let both = Keyring::parse(&format!("k1:{first},k2:{second}")).expect("good");
    let text = both.seal(&place(), TOKEN);

    let without = Keyring::parse(&format!("k2:{second}")).expect("good");
    assert_eq!(without.open(&place(), &text), Err(OpenError::UnknownKey("k1".to_owned())));
    let wrong = Keyring::parse(&format!("k1:{second}")).expect("good");
    assert_eq!(wrong.open(&place(), &text), Err(OpenError::Corrupt("k1".to_owned())));
    let renamed = text.replacen("k1", "k2", 1);
    assert_eq!(
        both.open(&place(), &renamed),
        Err(OpenError::Mislabelled { named: "k2".to_owned(), sealed_by: "k1".to_owned() })
    );
    let impossible = text.replacen("k1", "\u{1b}[2J", 1);
    assert_eq!(both.open(&place(), &impossible), Err(OpenError::ImpossibleKey));
}

#[test]
fn rotation_keeps_old_texts_open_and_seals_by_the_first_key() {
    let (old, new) = (Keyring::generate_key(), Keyring::generate_key());
    let before = Keyring::parse(&format!("k1:{old}")).expect("good");
    let after = Keyring::parse(&format!("k2:{new},k1:{old}")).expect("good");
    let text = before.seal(&place(), TOKEN);
    assert_eq!(*after.open(&place(), &text).expect("old key stays"), TOKEN);
    let again = after.seal(&place(), TOKEN);
    assert_eq!(Sealed::parse(&again).expect("sealed").key_id(), "k2");
    assert_eq!(reason(&before, &place(), &again), DecryptReason::UnknownKey);
}

#[test]
fn the_parts_are_read_without_a_key() {
    let text = ring(&["k7"]).seal(&place(), TOKEN);
    let sealed = Sealed::parse(&text).expect("sealed");
    assert_eq!((sealed.key_id(), sealed.hint()), ("k7", place().hint().as_str()));
    assert_eq!((sealed.bytes(), sealed.expected_bytes()), (text.len(), text.len()));
    assert!(!sealed.is_truncated());
    assert!(Sealed::parse(&text[..text.len() - 1]).expect("parts are there").is_truncated());
    assert_eq!(Sealed::named_key("ENC:v1:k7:damaged"), Some("k7"));
    assert_eq!(Sealed::named_key("ENC:v1:k7"), None);
    assert_eq!(Sealed::named_key(TOKEN), None);
}

#[test]
fn the_format_is_fixed() {
    // A text that must open for as long as the format is v1.
    let keyring = Keyring::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a good key");
    let context = SealContext::new(Field::RefreshToken, Uuid::from_u128(1), Environment::Sandbox);
    assert_eq!(context.hint(), "34500877ece18af3");
    let text = "ENC:v1:k1:34500877ece18af3:128:emmsmJmL-gcX79grcP7zQCwCnuPv02Zq192KKVD2mf5ElLT84kQ0DiQkP6o9\
        Dx9bO_12RV5ZlGAeHap2J4CQRW0pBgdNszjJIE0CK1Iu7iZXSMAat4oc5T3-wiP92lKQ";
    assert_eq!(*keyring.open(&context, text).expect("opens"), TOKEN);
}

#[test]
fn canaries_confirm_their_own_key_alone() {
    let (first, second) = (Keyring::generate_key(), Keyring::generate_key());
    let keyring = Keyring::parse(&format!("k1:{first},k2:{second}")).expect("good");
    let [one, two] = ["k1", "k2"].map(|id| make_canary(&keyring, id).expect("has it"));
    assert_eq!(Sealed::parse(&two).expect("sealed").key_id(), "k2");
    assert_eq!(check_canary(&keyring, "k1", &one), Ok(()));
    assert_eq!(check_canary(&keyring, "k2", &two), Ok(()));
    assert_eq!(check_canary(&keyring, "k1", &two), Err(CanaryError::OtherKey("k1".to_owned())));
    let unknown = Err(CanaryError::UnknownKey("k9".to_owned()));
    assert_eq!(check_canary(&keyring, "k9", &one), unknown);
    assert_eq!(make_canary(&keyring, "k9").map(drop), unknown);

    let swapped = Keyring::parse(&format!("k1:{second},k2:{first}")).expect("good");
    assert_eq!(check_canary(&swapped, "k1", &one), Err(CanaryError::WrongKey("k1".to_owned())));
    let other = ring(&["k1"]);
    assert_eq!(check_canary(&other, "k1", &one), Err(CanaryError::WrongKey("k1".to_owned())));
    let renamed = one.replacen("k1", "k2", 1);
    assert_eq!(check_canary(&keyring, "k1", &renamed), Err(CanaryError::OtherKey("k1".to_owned())));
    assert!(matches!(
        check_canary(&keyring, "k1", &one[..one.len() - 3]),
        Err(CanaryError::Damaged { source: OpenError::Truncated { .. }, .. })
    ));
    let song = keyring.seal(&SealContext::canary("k1"), "another song");
    assert_eq!(check_canary(&keyring, "k1", &song), Err(CanaryError::OtherText("k1".to_owned())));
}

fn contexts() -> impl Strategy<Value = SealContext> {
    let environments = prop::sample::select(Environment::ALL);
    (prop::sample::select(Field::ALL), any::<u128>(), environments)
        .prop_map(|(field, row, environment)| SealContext::new(field, Uuid::from_u128(row), environment))
}

proptest! {
    #[test]
    fn what_is_sealed_opens_where_it_belongs(context in contexts(), secret in ".{0,300}") {
        let keyring = ring(&["k1"]);
        let text = keyring.seal(&context, &secret);
        prop_assert!(text.starts_with(FORMAT_PREFIX) && text.is_ascii());
        prop_assert_eq!(&*keyring.open(&context, &text).expect("opens"), &secret);
        prop_assert_ne!(text, keyring.seal(&context, &secret));
    }

    #[test]
    fn two_places_share_neither_hint_nor_associated_data(one in contexts(), other in contexts()) {
        prop_assume!(one != other);
        prop_assert_ne!(one.associated_data(), other.associated_data());
        prop_assert_ne!(one.hint(), other.hint());
    }

    #[test]
    fn a_text_of_another_place_is_refused(one in contexts(), other in contexts()) {
        prop_assume!(one != other);
        let keyring = ring(&["k1"]);
        prop_assert_eq!(reason(&keyring, &other, &keyring.seal(&one, TOKEN)), DecryptReason::WrongContext);
    }

    #[test]
    fn a_changed_token_of_any_length_is_refused(
        secret in "v\\^1\\.1#[ -~]{12,2000}", at in any::<prop::sample::Index>(), byte in 0_u8..128
    ) {
        let keyring = ring(&["k1", "k2"]);
        let text = keyring.seal(&place(), &secret);
        let at = at.index(text.len());
        prop_assume!(text.as_bytes()[at] != byte);
        let changed = with_byte(&text, at, byte);
        let found = reason(&keyring, &place(), &changed);
        if part_at(&text, at) == Part::Payload {
            prop_assert_eq!(found, DecryptReason::Corrupt);
        }
        let cut = keyring.open(&place(), &text[..at]).expect_err("cut").reason();
        prop_assert!(at < 4 || cut == DecryptReason::Truncated, "{:?} at {}", cut, at);
    }

    #[test]
    fn no_text_whatsoever_panics(text in "(ENC:v1:)?[k1:0-9a-f=_\\PC]{0,120}") {
        let _ = ring(&["k1"]).open(&place(), &text);
        let _ = Sealed::named_key(&text);
        let _ = Keyring::parse(&text);
    }
}
