//! Behaviours one after the other for one seller, and mixtures by weight.

use std::{fmt, str::FromStr};

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::behaviour::{Behaviour, BehaviourError};

/// Behaviours one after the other: `cut*2,revoked*1` cuts twice, refuses once, and is healthy then.
///
/// A part without a number stands for ever: `cut*2,revoked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Script(Vec<(Behaviour, Option<u32>)>);

impl Script {
    /// `behaviour` for `times` calls, healthy afterwards.
    pub fn times(behaviour: Behaviour, times: u32) -> Self {
        Self(vec![(behaviour, Some(times))])
    }

    /// What this script says, and `behaviour` for ever after it.
    #[must_use]
    pub fn then(mut self, behaviour: Behaviour) -> Self {
        self.0.push((behaviour, None));
        self
    }

    /// The behaviour of the next call.
    pub(super) fn next(&mut self) -> Behaviour {
        self.0.retain(|(_, left)| *left != Some(0));
        match self.0.first_mut() {
            None => Behaviour::Healthy,
            Some((behaviour, left)) => {
                *left = left.map(|left| left - 1);
                *behaviour
            }
        }
    }
}

impl From<Behaviour> for Script {
    fn from(behaviour: Behaviour) -> Self {
        Self(vec![(behaviour, None)])
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (behaviour, times)) in self.0.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            match times {
                Some(times) => write!(f, "{behaviour}*{times}")?,
                None => write!(f, "{behaviour}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Script {
    type Err = BehaviourError;

    fn from_str(text: &str) -> Result<Self, BehaviourError> {
        let parts = text.split(',').map(|part| match part.split_once('*') {
            None => Ok((part.parse()?, None)),
            Some((behaviour, times)) => Ok((behaviour.parse()?, Some(number(times, part)?))),
        });
        parts.collect::<Result<_, _>>().map(Self)
    }
}

/// A mixture of behaviours by weight: `healthy=90,cut=5,slow:300=5`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chaos(Vec<(Behaviour, u32)>);

impl Chaos {
    /// A mixture of `parts`, each with its weight.
    pub fn of(parts: impl Into<Vec<(Behaviour, u32)>>) -> Result<Self, BehaviourError> {
        let parts = parts.into();
        let total = parts.iter().try_fold(0_u32, |sum, (_, weight)| sum.checked_add(*weight));
        if total.is_none_or(|total| total == 0) {
            return Err(BehaviourError::Weights);
        }
        Ok(Self(parts))
    }

    pub(super) fn pick(&self, random: &mut impl rand::Rng) -> Behaviour {
        let total: u32 = self.0.iter().map(|(_, weight)| weight).sum();
        let mut at = random.random_range(0..total);
        for (behaviour, weight) in &self.0 {
            if at < *weight {
                return *behaviour;
            }
            at -= weight;
        }
        Behaviour::Healthy
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> =
            self.0.iter().map(|(behaviour, weight)| format!("{behaviour}={weight}")).collect();
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Chaos {
    type Err = BehaviourError;

    fn from_str(text: &str) -> Result<Self, BehaviourError> {
        let parts = text.split(',').map(|part| match part.split_once('=') {
            None => Ok((part.parse()?, 1)),
            Some((behaviour, weight)) => Ok((behaviour.parse()?, number(weight, part)?)),
        });
        Self::of(parts.collect::<Result<Vec<_>, BehaviourError>>()?)
    }
}

fn number(text: &str, part: &str) -> Result<u32, BehaviourError> {
    text.trim().parse().map_err(|_| BehaviourError::Number(part.chars().take(40).collect()))
}

macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = BehaviourError;

            fn try_from(text: String) -> Result<Self, BehaviourError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}
as_text!(Script, Chaos);

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::{
        Behaviour::{Cut, Healthy, Revoked},
        *,
    };

    #[test]
    fn a_script_is_followed_and_ends_healthy() {
        let mut script: Script = "cut*2,slow:5*0,revoked*1".parse().expect("a script");
        let calls: Vec<_> = (0..5).map(|_| script.next()).collect();
        assert_eq!(calls, [Cut, Cut, Revoked, Healthy, Healthy]);
        let mut script = Script::times(Cut, 1).then(Revoked);
        assert_eq!(script.to_string(), "cut*1,revoked");
        assert_eq!([script.next(), script.next(), script.next()], [Cut, Revoked, Revoked]);
    }

    #[test]
    fn a_mixture_follows_its_weights_and_its_seed() {
        let chaos: Chaos = "healthy=3,cut,hang=0".parse().expect("a mixture");
        let picks = |seed| {
            let mut random = StdRng::seed_from_u64(seed);
            (0..400).map(|_| chaos.pick(&mut random)).collect::<Vec<_>>()
        };
        assert_eq!(picks(7), picks(7));
        assert_ne!(picks(7), picks(8));
        let cuts = picks(7).iter().filter(|pick| **pick == Behaviour::Cut).count();
        assert!((60..140).contains(&cuts), "{cuts}");
        assert!(!picks(7).contains(&Behaviour::Hang));
    }

    #[test]
    fn what_is_no_mixture_is_refused() {
        for bad in ["", "cut=0", "cut=x", "cut=4294967295,hang=1"] {
            assert!(bad.parse::<Chaos>().is_err(), "{bad}");
        }
    }
}
