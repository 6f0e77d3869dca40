//! Enums whose values have one spelling in Rust, JSON, PostgreSQL and on the command line.

/// Defines an enum with a stable text for each variant: `as_str`, `Display`, `FromStr`, serde and
/// `ALL`. An unknown text is refused with an error that lists the known ones.
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// Every value, in the order in which it is declared.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value's one spelling, on the wire and in tables.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text_enum::UnknownText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::text_enum::UnknownText::new(text, &[$($text,)+])),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_enum;

/// A text that names no value of the enum it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is none of {known}")]
pub struct UnknownText {
    text: String,
    known: String,
}

impl UnknownText {
    /// Longest part of the unknown text that an error repeats, in characters.
    const SHOWN: usize = 40;

    pub(crate) fn new(text: &str, known: &[&str]) -> Self {
        Self { text: text.chars().take(Self::SHOWN).collect(), known: known.join(", ") }
    }
}
