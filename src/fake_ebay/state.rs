//! What the fake knows: applications, sellers, what was set, and every call.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{
    behaviour::Behaviour,
    call::{Call, SellerState, Violation},
    form::Asked,
    mint::Mint,
    script::{Chaos, Script},
};
use crate::domain::token::Masked;

/// The fake's memory. Held under a lock that is never kept across an await.
#[derive(Default)]
pub(super) struct State {
    applications: HashMap<String, HashSet<String>>,
    sellers: Vec<Seller>,
    by_token: HashMap<String, usize>,
    pub(super) everywhere: Option<Behaviour>,
    pub(super) random: Option<Chaos>,
    /// The life of tokens in seconds; 0 stands for eBay's own.
    pub(super) expires_in: u32,
    calls: Vec<Call>,
    /// The number of the first call that is still remembered.
    first: u64,
    in_flight: usize,
    violations: Vec<Violation>,
    released_all: u64,
}

struct Seller {
    client_id: String,
    username: String,
    refresh_token: String,
    fingerprint: String,
    script: Option<Script>,
    calls: u64,
    minted: u64,
    released: u64,
}

/// A call that has begun.
pub(super) struct Begun {
    pub(super) number: u64,
    pub(super) behaviour: Behaviour,
    /// What [`State::is_released`] asks for.
    pub(super) hold: (Option<usize>, u64, u64),
}

/// A good request's seller.
pub(super) struct Granted {
    /// How many tokens the seller was given before.
    pub(super) minted: u64,
    pub(super) expires_in: u32,
}

/// Status, error and description of a refused request.
pub(super) type Refused = (u16, &'static str, &'static str);

/// eBay's words for a refresh token that it does not accept, whatever the reason.
pub(super) const INVALID_GRANT: Refused = (
    400,
    "invalid_grant",
    "the provided authorization refresh token is invalid or was issued to another client",
);
/// eBay's words for credentials that it does not accept.
pub(super) const INVALID_CLIENT: Refused = (401, "invalid_client", "client authentication failed");

impl State {
    pub(super) fn add_application(&mut self, client_id: &str, client_secret: &str) {
        let secrets = self.applications.entry(client_id.to_owned()).or_default();
        secrets.insert(client_secret.to_owned());
    }

    pub(super) fn remove_secret(&mut self, client_id: &str, client_secret: &str) {
        if let Some(secrets) = self.applications.get_mut(client_id) {
            secrets.remove(client_secret);
        }
    }

    /// Adds a seller; one that is known under this application gets `refresh_token` in place of the old one.
    pub(super) fn add_seller(&mut self, client_id: &str, username: &str, refresh_token: &str) {
        let known = |seller: &Seller| seller.client_id == client_id && seller.username == username;
        let at = self.by_token.get(refresh_token).copied().filter(|&at| known(&self.sellers[at]));
        let at = at.or_else(|| self.sellers.iter().position(known)).unwrap_or_else(|| {
            self.sellers.push(Seller {
                client_id: client_id.into(),
                username: username.into(),
                refresh_token: String::new(),
                fingerprint: String::new(),
                script: None,
                calls: 0,
                minted: 0,
                released: 0,
            });
            self.sellers.len() - 1
        });
        self.give(at, refresh_token.to_owned());
    }

    fn give(&mut self, at: usize, refresh_token: String) {
        let seller = &mut self.sellers[at];
        self.by_token.remove(&seller.refresh_token);
        seller.fingerprint = Masked::of(&refresh_token).fingerprint;
        seller.refresh_token.clone_from(&refresh_token);
        self.by_token.insert(refresh_token, at);
    }

    /// Sets what happens to `username`'s calls. `false` if nobody has that name.
    pub(super) fn set_behaviour(&mut self, username: &str, script: Option<&Script>) -> bool {
        let mut found = false;
        for seller in self.sellers.iter_mut().filter(|seller| seller.username == username) {
            seller.script = script.cloned();
            found = true;
        }
        found
    }

    /// Lets go of the calls that are held: of `username`'s, or of all.
    pub(super) fn release(&mut self, username: Option<&str>) {
        match username {
            None => self.released_all += 1,
            Some(username) => {
                for seller in self.sellers.iter_mut().filter(|seller| seller.username == username) {
                    seller.released += 1;
                }
            }
        }
    }

    pub(super) fn is_released(&self, hold: (Option<usize>, u64, u64)) -> bool {
        self.hold(hold.0) != hold
    }

    fn hold(&self, seller: Option<usize>) -> (Option<usize>, u64, u64) {
        (seller, seller.map_or(0, |at| self.sellers[at].released), self.released_all)
    }

    /// Notes a call and says what is to be done with it.
    pub(super) fn begin(&mut self, asked: &Asked, rlogid: &str, at: Duration, mint: &Mint) -> Begun {
        let found = asked.token.as_ref().and_then(|token| self.by_token.get(token)).copied();
        let mut script = None;
        let mut random = mint.random("?", self.first + self.calls.len() as u64);
        if let Some(found) = found {
            let seller = &mut self.sellers[found];
            random = mint.random(&seller.username, seller.calls);
            seller.calls += 1;
            script = seller.script.as_mut().map(Script::next);
        }
        let chaos = || self.random.as_ref().map(|chaos| chaos.pick(&mut random));
        let behaviour = self.everywhere.or(script).or_else(chaos).unwrap_or(Behaviour::Healthy);
        let number = self.first + self.calls.len() as u64;
        self.calls.push(Call {
            number,
            rlogid: rlogid.to_owned(),
            username: found.map(|found| self.sellers[found].username.clone()),
            client_id: asked.credentials.as_ref().map(|(id, _)| id.clone()),
            fingerprint: asked.token.as_ref().map(|token| match found {
                Some(found) => self.sellers[found].fingerprint.clone(),
                None => Masked::of(token).fingerprint,
            }),
            behaviour,
            authorised: self.is_authorised(asked),
            minted: false,
            status: None,
            answered: false,
            started: at,
            ended: None,
        });
        self.in_flight += 1;
        for what in &asked.violations {
            self.violate(Some(rlogid), what);
        }
        Begun { number, behaviour, hold: self.hold(found) }
    }

    fn is_authorised(&self, asked: &Asked) -> bool {
        let known = |(id, secret): &(String, String)| {
            self.applications.get(id).is_some_and(|secrets| secrets.contains(secret))
        };
        asked.credentials.as_ref().is_some_and(known)
    }

    /// Judges a request as eBay does: credentials first, then its shape, then its token.
    fn judge(&self, asked: &Asked) -> Result<usize, Refused> {
        if !self.is_authorised(asked) {
            return Err(INVALID_CLIENT);
        }
        if let Some((error, description)) = asked.error {
            return Err((400, error, description));
        }
        let found = asked.token.as_ref().and_then(|token| self.by_token.get(token));
        let theirs = |at: &&usize| {
            let client_id = asked.credentials.as_ref().map(|(id, _)| id.as_str());
            client_id == Some(&self.sellers[**at].client_id)
        };
        found.filter(theirs).copied().ok_or(INVALID_GRANT)
    }

    /// Whether a request is good, without giving anything.
    pub(super) fn check(&self, asked: &Asked) -> Result<(), Refused> {
        self.judge(asked).map(|_| ())
    }

    /// Grants a good request, with `rotated` as the seller's refresh token from here on.
    pub(super) fn grant(&mut self, asked: &Asked, rotated: Option<&str>) -> Result<Granted, Refused> {
        let at = self.judge(asked)?;
        if let Some(rotated) = rotated {
            self.give(at, rotated.to_owned());
        }
        let seller = &mut self.sellers[at];
        seller.minted += 1;
        let expires_in = if self.expires_in == 0 { 7_200 } else { self.expires_in };
        Ok(Granted { minted: seller.minted - 1, expires_in })
    }

    /// Changes the record of a call, if it is still remembered.
    pub(super) fn record(&mut self, number: u64, change: impl FnOnce(&mut Call)) {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(call) = at.and_then(|at| self.calls.get_mut(at)) {
            change(call);
        }
    }

    pub(super) fn end(&mut self, number: u64, at: Duration) {
        self.in_flight -= 1;
        self.record(number, |call| call.ended = Some(at));
    }

    pub(super) fn violate(&mut self, rlogid: Option<&str>, what: &str) {
        self.violations.push(Violation { rlogid: rlogid.map(str::to_owned), what: what.to_owned() });
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    pub(super) fn clear_calls(&mut self) {
        self.first += self.calls.len() as u64;
        self.calls.clear();
    }

    pub(super) fn sellers(&self) -> Vec<SellerState> {
        let states = self.sellers.iter().map(|seller| SellerState {
            client_id: seller.client_id.clone(),
            username: seller.username.clone(),
            fingerprint: seller.fingerprint.clone(),
            behaviour: seller.script.as_ref().map(ToString::to_string),
            calls: seller.calls,
            minted: seller.minted,
        });
        states.collect()
    }
}
